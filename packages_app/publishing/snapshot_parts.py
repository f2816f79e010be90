"""Snapshots made of others: what suites showed or snapshots hold is merged or filtered, and indexes of it are written.

The words are aptly's where it has one for the thing (`aptly snapshot merge`, `aptly snapshot filter`): a package is a
name and an architecture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from packages_app.core.ports import ObjectStore
from packages_app.core.repository import Repository, Suite
from packages_app.core.snapshot import SnapshotRefused
from packages_app.indexes.entry import entries_in
from packages_app.indexes.packages import Placed
from packages_app.indexes.release import Release, render_release
from packages_app.indexes.snapshot_release import ID, OF, REASON, snapshot_release
from packages_app.publishing.generations import release_digest
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.published import read_index
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.whole_draft import Collected, write_indexes

_NAMED = 5
_INDEX = "/Packages"
_BINARY = "/binary-"


class Way(StrEnum):
    """Which versions of a package a merge takes."""

    NEWEST = "newest"
    """The newest version alone, by dpkg's order, whoever has it."""
    LEFT = "left"
    """All that the first snapshot has which has the package."""
    ALL = "all"
    """All versions of all."""


@dataclass(frozen=True)
class Part:
    """What a suite showed, or a snapshot holds: indexes below `folder`, as the Release in `text` lists them.

    `snapshot` is the snapshot's ID, "" for a publication of `suite`.
    """

    suite: str
    snapshot: str
    folder: str
    text: bytes
    release: Release

    @property
    def digest(self) -> str:
        """The beginning of the SHA256 of its Release."""
        return release_digest(self.text)

    @property
    def named(self) -> str:
        """What a person may call it, so that it is just this one: another publication has another name."""
        return f"{self.suite}/{self.snapshot}" if self.snapshot else self.digest

    def __str__(self) -> str:
        return f"{self.folder} {self.digest}"


@dataclass(frozen=True)
class Recipe:
    """What a snapshot `name` of a suite is made of: `parts`, merged in a `way`, and of these what a `query` selects.

    Without a query it is all of them.
    """

    suite: str
    name: str
    parts: tuple[Part, ...]
    way: Way = Way.NEWEST
    query: str = ""

    @property
    def told(self) -> str:
        """What the snapshot's Release says of it; it never begins with a date, as of a publication."""
        parts = ", ".join(map(str, self.parts))
        merge = f"{self.way} of {parts}" if len(self.parts) > 1 else f"copy of {parts}"
        return f"{merge}, what is {' '.join(self.query.split())}" if self.query else merge

    @property
    def date(self) -> datetime:
        """The newest Date of its parts, which is the snapshot's: made again it is the same."""
        return max(part.release.date for part in self.parts)

    def as_suite(self, suite: Suite) -> Suite:
        """Return a suite with all components and architectures of the parts."""
        return replace(suite, components=self._all_of("Components"), architectures=self._all_of("Architectures"))

    def _all_of(self, field: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for part in self.parts for one in part.release.fields.get(field, "").split()))


def placed_in(bucket: ObjectStore, part: Part) -> list[Placed]:
    """Return what a part holds, each package once.

    Raise `ObjectNotFound` and `CandidateRefused` for an index that is gone or damaged.
    """
    found: dict[tuple[str, str, str], Placed] = {}
    for name in part.release.entries:
        if not name.endswith(_INDEX):
            continue
        component = name.removesuffix(_INDEX).rpartition(_BINARY)[0]
        for entry in entries_in(read_index(bucket, part.folder, name, part.release)):
            key = (entry.package_name, entry.version, entry.architecture)
            found.setdefault(key, Placed(component, entry, entry.pool_path, entry.file_size))
    return list(found.values())


def merged(parts: Sequence[Sequence[Placed]], way: Way) -> list[Placed]:
    """Return what a merge holds, in index order; the stanza and the component are those of the first that has it.

    Raise `SnapshotRefused` where a version would have two files.
    """
    chosen: dict[tuple[str, str, str], Placed] = {}
    others: list[Placed] = []
    for part in parts:
        there = {package_of(one) for one in chosen.values()}
        for one in part:
            if way is Way.LEFT and package_of(one) in there:
                continue
            if chosen.setdefault(_version_of(one), one).entry.sha256 != one.entry.sha256:
                others.append(one)
    ordered = sorted(chosen.values(), key=lambda one: one.entry.order)
    if way is Way.NEWEST:
        newest = {package_of(one): one for one in ordered}  # the last is the newest
        ordered = [one for one in ordered if newest[package_of(one)] is one]
    kept = {_version_of(one) for one in ordered}
    _check_files([one for one in others if _version_of(one) in kept])
    return ordered


def _version_of(placed: Placed) -> tuple[str, str, str]:
    """Return what has one file in a snapshot, as in a suite: whichever builds of it there are."""
    return placed.entry.package_name, placed.entry.version, placed.entry.architecture


def package_of(placed: Placed) -> tuple[str, str]:
    """Return what a package is to a merge: its name and architecture."""
    return placed.entry.package_name, placed.entry.architecture


def written_snapshot(
    folder: Path, repository: Repository, suite: Suite, recipe: Recipe, placed: Sequence[Placed], cache: ShardCache,
    reason: str,
) -> tuple[bytes, list[IndexFile]]:  # fmt: skip
    """Write the indexes of a snapshot below `folder`; return the text of its Release, and the files to be put."""
    whole = recipe.as_suite(suite)
    written = write_indexes(folder, whole, Collected(tuple(placed), (), len(placed)), cache)
    files = [file for index in written.values() for file in index.files]
    release = render_release(repository, whole, {file.name: file.entry for file in files}, recipe.date)
    said = {ID: recipe.name, OF: recipe.told, REASON: reason}
    return snapshot_release(release, suite.name, said), [file for file in files if file.path is not None]


def _check_files(others: Iterable[Placed]) -> None:
    named = sorted({" ".join((*package_of(one), one.entry.version)) for one in others})
    if named:
        more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
        raise SnapshotRefused(
            f"{len(named)} packages have the same version and other files in these: {', '.join(named[:_NAMED])}{more}.",
            remedy="Take those of the first (--left-wins), or filter one of the snapshots.",
        )
