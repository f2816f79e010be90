"""Packages of a suite that clients could install before a change, and can't after it.

Only what the change can concern is asked about, by what it may need: a suite that was broken before stays untold, and
one package in a large suite costs little beside reading what is there.
"""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO, cast

from packages_app.core.candidate_finding import UNINSTALLABLE, CandidateFinding
from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.layout import binary_folder
from packages_app.core.ports import ObjectStore, Progress
from packages_app.core.repository import Installability, Suite
from packages_app.debian.debcheck import MOST_SECONDS, SolverFailed, newly_broken
from packages_app.debian.solver import broken_packages
from packages_app.debian.universe import (
    Universe,
    changed_names,
    newest_of_each,
    read_units,
    universe_of,
    write_relations,
)
from packages_app.indexes.compression import GZIP
from packages_app.indexes.release import Release
from packages_app.publishing.candidate import Candidate
from packages_app.publishing.published import read_index

_NAMED, _NOTED = 5, 100

WriteIndexes = Callable[[str, Path], Sequence[Path]]
"""Writes the plain indexes of an architecture into a folder, and returns their paths."""


@dataclass(frozen=True)
class Found:
    """What a check found: `broken` with the solver's reasons, as `newly_broken` says, and `mended` of what it was told.

    These are gone, or have a newer version in their place, or can be installed by now.
    """

    broken: Mapping[str, str] = field(default_factory=dict)
    mended: frozenset[str] = frozenset()


@dataclass(frozen=True)
class InstallCheck:
    """Looks for packages that can't be installed any more; `bases` gives the Packages files of base suites.

    `mode` says what becomes of them. `bases` raises `SolverFailed` where one is not there. `told` are packages of which
    people were told that they can't be installed, as `newly_broken` names them: each of them is asked about again.
    """

    mode: Installability
    bases: Callable[[str], Sequence[Path]]
    keep_lease: Callable[[], None] = lambda: None
    seconds: float = MOST_SECONDS
    told: frozenset[str] = frozenset()

    def newly_broken(
        self,
        suite: Suite,
        before: WriteIndexes,
        after: WriteIndexes,
        same: Callable[[str], bool] = lambda _architecture: False,
    ) -> Found:
        """Return what can't be installed after a change and could before, sorted, each with the solver's reason.

        A package is named `name version architecture`; what is broken for several architectures has the first one's
        reason. An architecture is passed over of which the indexes are the `same`, unless packages were told of. Raise
        `SolverFailed`.
        """
        found: dict[str, str] = {}
        still: set[str] = set()
        for architecture in suite.architectures:
            if same(architecture) and not self.told:
                continue
            with TemporaryDirectory(prefix="repomgr-install-") as folder:
                new, broken = self._of_one(architecture, Path(folder), before, after)
            found = {**new, **found}
            still |= broken
            self.keep_lease()
        return Found(dict(sorted(found.items())), self.told - still)

    def _of_one(
        self, architecture: str, folder: Path, before: WriteIndexes, after: WriteIndexes
    ) -> tuple[dict[str, str], set[str]]:
        """Return what is newly broken, and all that was asked about and is broken."""
        (folder / "before").mkdir()
        (folder / "after").mkdir()
        first = read_units(before(architecture, folder / "before"))
        then = read_units(after(architecture, folder / "after"))
        names = changed_names(newest_of_each(first), newest_of_each(then))
        if not (names or self.told):
            return {}, set()
        others = read_units(self.bases(architecture))
        ask = partial(
            _broken, names=names, told=self.told, folder=folder, architecture=architecture, seconds=self.seconds
        )
        broken = ask(universe_of(then, others))
        return newly_broken(broken, ask(universe_of(first, others))) if broken else {}, {*broken}


def _broken(
    universe: Universe, names: set[str], told: frozenset[str], folder: Path, architecture: str, seconds: float
) -> dict[str, str]:
    """Return the packages of the suite that can't be installed, among those that names concern, and those `told`."""
    concerned = {*(universe.concerned_by(names) if names else ())}
    checked = [unit for unit in universe.own if unit in concerned or unit.key in told]
    if not checked:
        return {}
    write_relations(checked, folder / "checked")
    write_relations(universe.needed_by(checked), folder / "rest")
    return broken_packages(folder / "checked", folder / "rest", architecture, seconds=seconds)


def published_indexes(store: ObjectStore, suite: Suite, release: Release) -> WriteIndexes:
    """Return what writes the indexes that a Release of ours lists; one that is gone or damaged raises."""

    def write(architecture: str, folder: Path) -> list[Path]:
        paths = []
        for number, component in enumerate(suite.components):
            name = f"{binary_folder(component, architecture)}/Packages"
            if name in release.entries:
                paths.append(folder / str(number))
                paths[-1].write_bytes(read_index(store, suite.name, name, release))
        return paths

    return write


def candidates_indexes(store: ObjectStore, candidate: Candidate) -> WriteIndexes:
    """Return what writes the indexes of a candidate; those that stay as they are published come from the store."""
    suite, files = candidate.suite, {file.name: file.path for file in candidate.draft.files}
    published = published_indexes(store, suite, candidate.listing)

    def write(architecture: str, folder: Path) -> Sequence[Path]:
        paths = []
        for number, component in enumerate(suite.components):
            name = f"{binary_folder(component, architecture)}/Packages"
            plain, packed = files[name], files[f"{name}{GZIP}"]
            if plain is None and packed is None:
                return published(architecture, folder)
            paths.append(folder / str(number))
            with paths[-1].open("wb") as target, _opened(plain, packed) as source:
                shutil.copyfileobj(source, target)
        return paths

    return write


def _opened(plain: Path | None, packed: Path | None) -> BinaryIO:
    return plain.open("rb") if plain is not None else cast("BinaryIO", gzip.open(cast("Path", packed)))


def broken_by(
    check: InstallCheck | None,
    store: ObjectStore,
    candidate: Candidate,
    published: Release | None,
    progress: Progress,
    *,
    is_first: bool,
) -> Found:
    """Return what a candidate makes uninstallable and what it mends, as `newly_broken` of it; the first is noted.

    Of a suite's first publication all that can't be installed. Nothing where what is in place is another's, or was
    lost: clients have it already; and where the solver does not say: then the note says why.
    """
    if check is None or (published is None and not is_first):
        return Found()
    suite = candidate.suite
    before = published_indexes(store, suite, published) if published is not None else _nothing
    try:
        found = check.newly_broken(
            suite, before, candidates_indexes(store, candidate), same=partial(_is_same, candidate, published)
        )
    except (SolverFailed, ObjectNotFound, CandidateRefused) as error:
        progress.note(f"whether packages can be installed is not known ({error.code}): {error}", level="warning")
        return Found()
    for name, why in list(found.broken.items())[:_NOTED]:
        progress.note(f"can't be installed: {name}: {why}", level="warning")
    return found


def _nothing(_architecture: str, _folder: Path) -> Sequence[Path]:
    return ()


def _is_same(candidate: Candidate, published: Release | None, architecture: str) -> bool:
    if published is None:
        return False
    names = [f"{binary_folder(component, architecture)}/Packages" for component in candidate.suite.components]
    return all(candidate.draft.entries.get(name) == published.entries.get(name) for name in names)


def install_findings(check: InstallCheck | None, suite: str, broken: Mapping[str, str]) -> list[CandidateFinding]:
    """Return the finding of what can't be installed once it is published, where a suite is held back for it."""
    if check is None or check.mode is not Installability.HOLD or not broken:
        return []
    return [
        CandidateFinding(
            UNINSTALLABLE,
            f"{len(broken)} packages of suite {suite} can't be installed once this is published: {said_of(broken)}.",
            "Publish what they need too, name the suites that clients have besides as bases, or approve it.",
            tuple(sorted(broken)),
        )
    ]


def said_of(broken: Mapping[str, str]) -> str:
    """Return the first of the broken packages with their reasons, for people."""
    lines = [f"{name} ({why})" for name, why in list(broken.items())[:_NAMED]]
    return "; ".join(lines) + ("; …" if len(broken) > _NAMED else "")
