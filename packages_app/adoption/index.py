"""The Packages indexes of an existing repository: fetched, checked against Release, and read stanza by stanza."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, pairwise
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import zstandard

from packages_app.adoption.bounded_xz import BoundedXz
from packages_app.adoption.existing_repository import ExistingRepository
from packages_app.adoption.release import Entry, ExistingRelease
from packages_app.core.errors import RepositoryRefused
from packages_app.core.layout import binary_folder

_LIMIT = 4 * 1024**3
_STANZA_LIMIT = 4 * 1024 * 1024
# One class, repeated: a group that is repeated would keep a place to go back to for each of a million blank lines.
BLANK_LINES = re.compile(rb"\n[ \t\r\v\f\n]*\n")
_OPENERS: Mapping[str, Callable[[Path], Any]] = {
    ".xz": BoundedXz,
    ".zst": zstandard.open,
    ".gz": gzip.open,
    ".bz2": bz2.open,
    "": partial(open, mode="rb"),
}
"""What opens each form for reading its plain bytes, the best form first."""
Span = tuple[int, int]
"""A part of a file: from a byte on to before another."""
_BROKEN = (OSError, EOFError, lzma.LZMAError, zlib.error, zstandard.ZstdError, ValueError)


@dataclass(frozen=True)
class Index:
    """A Packages index: its component and architecture ("" in a flat repository), and its forms by their ending."""

    component: str
    architecture: str
    name: str
    forms: Mapping[str, Entry]


def indexes_of(
    release: ExistingRelease, components: Iterable[str] | None, architectures: Iterable[str] | None
) -> list[Index]:
    """Return the binary indexes that a Release lists, sorted by component, then architecture; None stands for all."""
    wanted_components = set(components) if components is not None else None
    wanted_architectures = set(architectures) if architectures is not None else None
    found: dict[tuple[str, str], dict[str, Entry]] = {}
    for name, entry in release.entries.items():
        folder, _, file = name.rpartition("/")
        component, _, last = folder.rpartition("/")
        ending = file.removeprefix("Packages")
        if ending not in _OPENERS or not file.startswith("Packages"):
            continue
        if not release.folder and not folder:
            found.setdefault(("", ""), {})[ending] = entry
        elif last.startswith("binary-") and component and "debian-installer" not in component:
            found.setdefault((component, last.removeprefix("binary-")), {})[ending] = entry
    return [
        Index(component, architecture, _name(component, architecture), forms)
        for (component, architecture), forms in sorted(found.items())
        if (wanted_components is None or not component or component in wanted_components)
        and (wanted_architectures is None or not architecture or architecture in wanted_architectures)
    ]


def _name(component: str, architecture: str) -> str:
    return f"{binary_folder(component, architecture)}/Packages" if component else "Packages"


def fetch_index(repository: ExistingRepository, release: ExistingRelease, index: Index, folder: Path) -> Path:
    """Fetch an index in the best form that is there and unpack it into `folder`; return the path of the plain text.

    What was fetched and what it unpacks to must be what Release lists. Raise `RepositoryRefused`.
    """
    plain = folder / "Packages"
    for ending in _OPENERS:
        entry = index.forms.get(ending)
        packed = folder / f"packed{ending}"
        if entry is None:
            continue
        name = release.path_of(index.name + ending)
        checksums = repository.fetch(name, packed, limit_bytes=entry.size + 1)
        if checksums is None:
            continue
        if (checksums.size, checksums.sha256) != (entry.size, entry.sha256):
            raise RepositoryRefused(
                f"{name} has SHA256 {checksums.sha256}, Release lists {entry.sha256}.",
                remedy="Wait until the repository is published whole, or have its tool publish it again.",
            )
        if not ending:
            return packed.rename(plain)
        _unpack(packed, ending, plain, name, index.forms.get(""))
        packed.unlink()
        return plain
    raise RepositoryRefused(
        f"Release lists {index.name}, but no form of it is there.", remedy="Have the repository published again."
    )


def _unpack(packed: Path, ending: str, plain: Path, name: str, listed: Entry | None) -> None:
    digest, size = hashlib.sha256(), 0
    limit = listed.size if listed else _LIMIT
    try:
        with _OPENERS[ending](packed) as source, plain.open("wb") as target:
            while chunk := source.read(1024 * 1024):
                size += len(chunk)
                if size > limit:
                    raise RepositoryRefused(f"{name} unpacks to more than Release lists.", remedy="Do not trust it.")
                digest.update(chunk)
                target.write(chunk)
    except _BROKEN as error:
        raise RepositoryRefused(f"{name} can't be unpacked: {error}.", remedy="Have it published again.") from error
    if listed and digest.hexdigest() != listed.sha256:
        raise RepositoryRefused(f"{name} does not unpack to what Release lists.", remedy="Have it published again.")


def spans_of(path: Path, size: int, separator: re.Pattern[bytes] = BLANK_LINES) -> list[Span]:
    """Return the spans of a file of `size` bytes or little more each that end where a separator does; none is empty."""
    if not path.stat().st_size:
        return []
    with path.open("rb") as stream, mmap(stream.fileno(), 0, access=ACCESS_READ) as text:
        ends = [0]
        while ends[-1] < len(text):
            found = separator.search(text, ends[-1] + size)
            ends.append(found.end() if found is not None else len(text))
    return list(pairwise(ends))


def stanzas_in(plain: Path, span: Span | None = None, *, bytes_at_once: int = 1024 * 1024) -> Iterator[bytes]:
    """Return the stanzas of a Packages file one by one, each with its last newline, without the blank line after it.

    Those of one span alone where one is given (`spans_of`).
    """
    rest = b""
    start, end = span or (0, plain.stat().st_size)
    with plain.open("rb") as stream:
        stream.seek(start)
        reads = (stream.read(min(bytes_at_once, end - at)) for at in range(start, end, bytes_at_once))
        for some in chain(reads, [b"\n\n"]):
            # What comes next may begin with blank lines, which end in a newline before them as all others do.
            *stanzas, rest = BLANK_LINES.split(b"\n" + rest + some)
            for stanza in (*stanzas, rest):
                if len(stanza) > _STANZA_LIMIT:
                    raise RepositoryRefused(
                        f"A stanza has over {_STANZA_LIMIT} bytes: {stanza.lstrip()[:60]!r}.", remedy="Do not trust it."
                    )
            yield from (stanza.removeprefix(b"\n") + b"\n" for stanza in stanzas if stanza)
