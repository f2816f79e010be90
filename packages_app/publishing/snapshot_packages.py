"""What packages snapshots hold, whichever suite they are of: none of it may leave the pool while they are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Set

from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey
from packages_app.core.snapshot import MARK, time_of
from packages_app.indexes.entry import IndexEntry
from packages_app.publishing.snapshots import IN_RELEASE, described_snapshot, packages_in, read_snapshot

_IN_RELEASE = re.compile(rf"dists/([^/]+)/{MARK}/([^/]+)/{IN_RELEASE}\Z")


def entries_of_snapshots(bucket: ObjectStore, keyring: bytes, keep_lease: Callable[[], None]) -> Iterator[IndexEntry]:
    """Yield each entry of each snapshot, of suites that are configured no more too.

    `keep_lease` is called between snapshots. Raise `CandidateRefused` for one that can't be read, `ObjectNotFound`
    where an index of it is gone: what it holds is not known then.
    """
    for suite, name in _listed(bucket):
        keep_lease()
        snapshot = read_snapshot(bucket, suite, name, keyring)
        yield from packages_in(bucket, snapshot.folder, snapshot.release)


def snapshots_with(bucket: ObjectStore, keys: Set[TableKey]) -> list[str]:
    """Return the snapshots that name any of these packages, as `SUITE ID`, and those that can't be read, sorted.

    Whoever signed them: clients may have been told of that key.
    """
    found = []
    for suite, name in _listed(bucket):
        try:
            holds = not keys.isdisjoint(_keys_of(bucket, suite, name))
        except (CandidateRefused, ObjectNotFound):
            holds = True
        found += [f"{suite} {name}"] if holds else []
    return sorted(found)


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
