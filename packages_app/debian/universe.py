"""Packages files as what depends on what, by names alone: which packages a change can concern, and what these need.

It is no solver: it only leaves out what can't matter, so that a solver reads little of a large archive. Stanzas stay
in their files and are copied from there.
"""

from __future__ import annotations

import mmap
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import BinaryIO

from packages_app.core.version import is_version, version_key

_STANZA = re.compile(rb"(?:[^\n]+(?:\n|\Z))+")
_FIELD = re.compile(
    rb"^(Package|Version|Architecture|Essential|Provides|Depends|Pre-Depends|Conflicts|Breaks|Multi-Arch):"
    rb"((?:[^\n]*\n)(?:[ \t][^\n]*\n)*)",
    re.MULTILINE | re.IGNORECASE,
)
"""What decides whether a package can be installed (Debian Policy 7)."""
_NAMED = re.compile(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]*)")


@dataclass(frozen=True, slots=True)
class Unit:
    """A package where it stands in a file: the names that it is known by, its own first, and those that it may need.

    `key` is `name version architecture`.
    """

    path: Path
    start: int
    end: int
    key: str
    names: tuple[str, ...]
    needs: tuple[str, ...]
    is_essential: bool

    @property
    def version_key(self) -> str:
        """What sorts as dpkg sorts the version; "" for what is none."""
        version = self.key.split(" ")[1]
        return version_key(version) if is_version(version) else ""


@dataclass(frozen=True)
class Universe:
    """All packages that apt would choose: of each name the newest, a suite's own and the others beside it."""

    own: Sequence[Unit]
    others: Sequence[Unit] = ()

    def concerned_by(self, names: Set[str]) -> list[Unit]:
        """Return the suite's packages that have one of these names, or may need one that does, however far away.

        All of them where one that is on every client has one.
        """
        every = [*self.own, *self.others]
        changed = [unit for unit in every if not names.isdisjoint(unit.names)]
        if any(unit.is_essential for unit in changed):
            return list(self.own)
        users = _by(every, lambda unit: unit.needs)
        known = {*names, *(name for unit in changed for name in unit.names)}
        found = {*changed, *_reached(known, users, lambda unit: unit.names)}
        return [unit for unit in self.own if unit in found]

    def needed_by(self, units: Collection[Unit]) -> list[Unit]:
        """Return what these may need, however far away, and the essential packages with what they need, less these."""
        every = [*self.own, *self.others]
        essential = [unit for unit in every if unit.is_essential]
        makers = _by(every, lambda unit: unit.names)
        names = {name for unit in (*units, *essential) for name in unit.needs}
        found = {*essential, *_reached(names, makers, lambda unit: unit.needs)} - {*units}
        return sorted(found, key=lambda unit: (unit.path, unit.start))


def universe_of(own: Sequence[Unit], others: Sequence[Unit]) -> Universe:
    """Return what apt chooses from a suite and what is beside it: of equal versions the suite's own."""
    chosen = set(newest_of_each([*own, *others]))
    return Universe(*([unit for unit in units if unit in chosen] for units in (own, others)))


def newest_of_each(units: Iterable[Unit]) -> list[Unit]:
    """Return the newest package of each name, the first of equal ones: apt installs no other unless it is named."""
    found: dict[str, Unit] = {}
    for unit in units:
        known = found.setdefault(unit.names[0], unit)
        if known is not unit and unit.version_key > known.version_key:
            found[unit.names[0]] = unit
    return list(found.values())


def read_units(paths: Iterable[Path]) -> list[Unit]:
    """Return the packages of Packages files; what lacks a name or a version is passed over."""
    return [unit for path in paths for unit in _units(path)]


def changed_names(before: Iterable[Unit], after: Iterable[Unit]) -> set[str]:
    """Return the names of packages that are there in one only, or in both with other relations."""
    first, then = _contents(before), _contents(after)
    changed = (first.keys() ^ then.keys()) | {key for key in first.keys() & then.keys() if first[key] != then[key]}
    return {name for key in changed for one in (first, then) if key in one for name in one[key][0]}


def write_relations(units: Iterable[Unit], target: Path) -> None:
    """Write what decides about packages as a Packages file."""
    with target.open("wb") as out:
        for path, some in _by_path(units).items():
            with path.open("rb") as stream:
                for unit in some:
                    out.write(_relations_of(_read(stream, unit)))
                    out.write(b"\n")


def keep_relations(source: Path, target: Path) -> None:
    """Write of a Packages file what decides whether its packages can be installed."""
    with _text_of(source) as text, target.open("wb") as out:
        for block in _STANZA.finditer(text):
            out.write(_relations_of(block[0]))
            out.write(b"\n")


def _contents(units: Iterable[Unit]) -> Mapping[str, tuple[tuple[str, ...], int]]:
    """Return packages by their keys: the names of each, and a hash of what decides about it."""
    found: dict[str, tuple[tuple[str, ...], int]] = {}
    for path, some in _by_path(units).items():
        with path.open("rb") as stream:
            found |= {unit.key: (unit.names, hash(_relations_of(_read(stream, unit)))) for unit in some}
    return found


def _relations_of(stanza: bytes) -> bytes:
    return b"".join(found[0] for found in _FIELD.finditer(stanza))


def _units(path: Path) -> Iterator[Unit]:
    with _text_of(path) as text:
        for block in _STANZA.finditer(text):
            said = {field[1].lower(): field[2] for field in _FIELD.finditer(block[0])}
            name, version, architecture, essential = (
                said.get(each, b"").strip().decode("utf-8", "replace")
                for each in (b"package", b"version", b"architecture", b"essential")
            )
            if not name or not version:
                continue
            names = (intern(name), *_names_in(said.get(b"provides", b"")))
            needs = _names_in(said.get(b"depends", b"") + b"," + said.get(b"pre-depends", b""))
            key = f"{name} {version} {architecture}"
            yield Unit(path, *block.span(), key, names, needs, essential.lower() == "yes")


@contextmanager
def _text_of(path: Path) -> Iterator[bytes | mmap.mmap]:
    if not path.stat().st_size:
        yield b""
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as text:
        yield text


def _names_in(relations: bytes) -> tuple[str, ...]:
    return tuple(map(intern, dict.fromkeys(_NAMED.findall(relations.decode("utf-8", "replace")))))


def _by(units: Iterable[Unit], names: Callable[[Unit], Iterable[str]]) -> Mapping[str, Sequence[Unit]]:
    found: dict[str, list[Unit]] = defaultdict(list)
    for unit in units:
        for name in names(unit):
            found[name].append(unit)
    return found


def _reached(
    names: Set[str], index: Mapping[str, Sequence[Unit]], onward: Callable[[Unit], Iterable[str]]
) -> set[Unit]:
    """Return what names lead to by an index, and what the names that each of these gives lead to."""
    seen, waiting, found = set(names), list(names), set[Unit]()
    while waiting:
        for unit in index.get(waiting.pop(), ()):
            if unit not in found:
                found.add(unit)
                more = [name for name in onward(unit) if name not in seen]
                seen.update(more)
                waiting += more
    return found


def _read(stream: BinaryIO, unit: Unit) -> bytes:
    stream.seek(unit.start)
    return stream.read(unit.end - unit.start)


def _by_path(units: Iterable[Unit]) -> dict[Path, list[Unit]]:
    found: dict[Path, list[Unit]] = defaultdict(list)
    for unit in units:
        found[unit.path].append(unit)
    return found
