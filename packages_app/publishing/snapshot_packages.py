"""What packages snapshots hold, whichever suite they are of: none of it may leave the pool while they are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass

from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey
from packages_app.core.snapshot import MARK, time_of
from packages_app.indexes.entry import IndexEntry, entries_of
from packages_app.publishing.published import read_index
from packages_app.publishing.snapshots import IN_RELEASE, Snapshot, described_snapshot, packages_in, read_snapshot

_IN_RELEASE = re.compile(rf"dists/([^/]+)/{MARK}/([^/]+)/{IN_RELEASE}\Z")
_SAID: dict[tuple[str, str], frozenset[TableKey]] = {}
"""What indexes say of a package, by their SHA256 and its name: they never change."""
_MOST_SAID = 10_000


def entries_of_snapshots(bucket: ObjectStore, keyring: bytes, keep_lease: Callable[[], None]) -> Iterator[IndexEntry]:
    """Yield each entry of each snapshot, of suites that are configured no more too.

    `keep_lease` is called between snapshots. Raise `CandidateRefused` for one that can't be read, `ObjectNotFound`
    where an index of it is gone: what it holds is not known then.
    """
    for suite, name in _listed(bucket):
        keep_lease()
        snapshot = read_snapshot(bucket, suite, name, keyring)
        yield from packages_in(bucket, snapshot.folder, snapshot.release)


@dataclass(frozen=True)
class Naming:
    """The snapshots that name some packages, or can't be read, as `SUITE ID`, sorted; `unread` were not looked at."""

    named: tuple[str, ...]
    unread: int = 0


def snapshots_with(bucket: ObjectStore, name: str, keys: Set[TableKey], most: int | None = None) -> Naming:
    """Return the snapshots that name any of these packages, all of one `name`, and those that can't be read.

    Whoever signed them: clients may have been told of that key. An index that several snapshots have is read once, and
    what it says of a name is remembered; with `most` no more indexes are read than that.
    """
    found, unread, left = [], 0, most
    for suite, snapshot_name in _listed(bucket):
        snapshot = described_snapshot(bucket, suite, snapshot_name)
        indexes = _indexes_of(snapshot) if snapshot is not None else {}
        new = [sha256 for sha256 in indexes if (sha256, name) not in _SAID]
        if left is not None and len(new) > left:
            unread += 1
            continue
        try:
            holds = snapshot is None or any(
                not keys.isdisjoint(_said_of(bucket, snapshot, index, name)) for index in indexes.values()
            )
        except (CandidateRefused, ObjectNotFound):
            holds = True
        if left is not None:
            left -= sum((sha256, name) in _SAID for sha256 in new)
        found += [f"{suite} {snapshot_name}"] if holds else []
    return Naming(tuple(sorted(found)), unread)


def _indexes_of(snapshot: Snapshot) -> dict[str, str]:
    """Return the names of a snapshot's Packages indexes by the SHA256 of their text."""
    entries = snapshot.release.entries
    return {entry.sha256: name for name, entry in entries.items() if name.endswith("/Packages")}


def _said_of(bucket: ObjectStore, snapshot: Snapshot, index: str, name: str) -> frozenset[TableKey]:
    place = (snapshot.release.entries[index].sha256, name)
    if place not in _SAID:
        text = read_index(bucket, snapshot.folder, index, snapshot.release)
        if len(_SAID) >= _MOST_SAID:
            _SAID.clear()
        _SAID[place] = frozenset(entry.key for entry in entries_of(text, name))
    return _SAID[place]


def _keys_of(bucket: ObjectStore, suite: str, name: str) -> set[TableKey]:
    snapshot = described_snapshot(bucket, suite, name)
    if snapshot is None:
        raise CandidateRefused(
            f"The snapshot {name} of suite {suite} can't be read, so what it holds is not known.",
            remedy="Delete that snapshot (snapshot delete), or put it back.",
        )
    return {entry.key for entry in packages_in(bucket, snapshot.folder, snapshot.release)}


def _listed(bucket: ObjectStore) -> list[tuple[str, str]]:
    """Return suite and name of each snapshot, but for copies of publications, which are kept as long as those are."""
    matches = (_IN_RELEASE.match(key) for key, _ in bucket.keys("dists/"))
    found = [(match[1], match[2]) for match in matches if match is not None]
    return [(suite, name) for suite, name in found if time_of(name) is None]


def keys_in_snapshots(bucket: ObjectStore) -> set[TableKey]:
    """Return the table's key of each package that any snapshot of any suite names, whoever signed it.

    Raise `CandidateRefused` for one that can't be read, `ObjectNotFound` where an index of it is gone.
    """
    return {key for suite, name in _listed(bucket) for key in _keys_of(bucket, suite, name)}
