"""What packages snapshots hold, whichever suite they are of: none of it may leave the pool while they are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey
from packages_app.core.snapshot import MARK, time_of
from packages_app.indexes.entry import IndexEntry
from packages_app.publishing.snapshots import IN_RELEASE, packages_in, read_snapshot

_IN_RELEASE = re.compile(rf"dists/([^/]+)/{MARK}/([^/]+)/{IN_RELEASE}\Z")


def entries_of_snapshots(bucket: ObjectStore, keyring: bytes, keep_lease: Callable[[], None]) -> Iterator[IndexEntry]:
    """Yield each entry of each snapshot, of suites that are configured no more too.

    `keep_lease` is called between snapshots. Raise `CandidateRefused` for one that can't be read, `ObjectNotFound`
    where an index of it is gone: what it holds is not known then.
    """
    listed = [match for key, _ in bucket.keys("dists/") if (match := _IN_RELEASE.match(key))]
    for suite, name in (match.groups() for match in listed):
        if time_of(name) is not None:  # the copy of a publication, which is kept as long as that is
            continue
        keep_lease()
        snapshot = read_snapshot(bucket, suite, name, keyring)
        yield from packages_in(bucket, snapshot.folder, snapshot.release)


def keys_in_snapshots(
    bucket: ObjectStore, keyring: bytes, keep_lease: Callable[[], None] = lambda: None
) -> set[TableKey]:
    """Return the table's key of each package that any snapshot of any suite names; raise as `entries_of_snapshots`."""
    return {entry.key for entry in entries_of_snapshots(bucket, keyring, keep_lease)}
