"""Snapshots made, listed and deleted. The bucket alone says which there are; no row of a database does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from packages_app.core.ports import Progress
from packages_app.core.record import TableKey
from packages_app.core.snapshot import is_of_the_clock, snapshot_folder
from packages_app.publishing.generations import release_digest
from packages_app.publishing.snapshot_packages import Naming, keys_in_snapshots, snapshots_with
from packages_app.publishing.snapshots import (
    Snapshot,
    SnapshotMaker,
    described_snapshot,
    names_of_snapshots,
)
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.requests import known_suite
from packages_app.services.snapshots.parts import source_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ListedSnapshot:
    """A snapshot for people: `snapshot` is None where its InRelease can't be read."""

    suite: str
    name: str
    snapshot: Snapshot | None

    @property
    def of_the_clock(self) -> bool:
        """Say whether the clock made it, so that it goes by itself."""
        return is_of_the_clock(self.name)

    @property
    def sources(self) -> str:
        """The line of a client's sources.list that pins it."""
        return sources_line(self.suite, self.name, self.snapshot)


def sources_line(suite: str, name: str, snapshot: Snapshot | None) -> str:
    """Return the line of sources.list(5) that pins a snapshot, with the keyring that the bootstrap package brings."""
    components = snapshot.release.fields.get("Components", "main") if snapshot is not None else "main"
    keyring = f"/usr/share/keyrings/{adapters.repository().keyring_key}"
    return f"deb [signed-by={keyring}] {present_archive().public_url} {snapshot_folder(suite, name)} {components}"


def list_snapshots(suite: str) -> list[ListedSnapshot]:
    """Return a suite's snapshots, newest state first, as they tell of themselves; raise the errors of the store.

    That they are what they should be is what a verification looks at.
    """
    bucket = adapters.bucket()
    found = [ListedSnapshot(suite, name, described_snapshot(bucket, suite, name))
             for name in names_of_snapshots(bucket, suite)]  # fmt: skip
    return sorted(found, key=lambda one: (_age(one), one.name), reverse=True)


def _age(listed: ListedSnapshot) -> float:
    return listed.snapshot.of.timestamp() if listed.snapshot is not None else 0.0


def keys_protected_by_snapshots() -> set[TableKey]:
    """Return the table's key of each package that a snapshot of any suite names: what retention leaves in the pool.

    Raise `CandidateRefused` for a snapshot that can't be read, `ObjectNotFound` where an index of one is gone: then it
    is not known what they hold.
    """
    return keys_in_snapshots(adapters.bucket())


def snapshots_naming(name: str, keys: Iterable[TableKey], most: int | None = None) -> Naming:
    """Return the snapshots that name any of these packages, or can't be read, as `SUITE ID`, sorted."""
    return snapshots_with(adapters.bucket(), name, set(keys), most)


def create_snapshot(
    suite_name: str,
    name: str,
    progress: Progress,
    *,
    reason: str = "",
    publication: str = "",
) -> Snapshot:
    """Make a snapshot of what is in place of a suite, or of a past `publication` of it, as `source_of` takes it.

    Raise `PackageRefused` for an unknown suite, `SnapshotRefused`, `PublicationUnknown`, `ContentsGone`,
    `SnapshotExists`, `SnapshotIncomplete`, `LeaseBusy`, and the errors of table and store. Safe to repeat.
    """
    suite = known_suite(suite_name)
    with maker_of(suite.name, progress) as (maker, confirm):
        source = source_of(suite.name, publication)
        snapshot = maker.make(source, name, reason)
        confirm()
    log.info("snapshot_made", suite=suite.name, snapshot=name, of=source.named, reason=reason)
    return snapshot


def delete_snapshot(suite: str, name: str, progress: Progress) -> int:
    """Delete a snapshot, or what is left of one; return how many objects went. Raise `LeaseBusy`. Safe to repeat."""
    with lease_held(adapters.package_table(), f"publish:{suite}") as lease:
        progress.step("delete snapshot", snapshot_folder(suite, name))
        gone = SnapshotMaker(adapters.bucket(), adapters.signer(), lease.keep_lease, progress).delete(suite, name)
    log.info("snapshot_deleted", suite=suite, snapshot=name, objects=gone)
    return gone


def delete_old_ones_of_the_clock(suite: str, keep: int, progress: Progress) -> list[str]:
    """Delete those snapshots of a suite that the clock made, beyond the newest `keep`; return their IDs."""
    made = [one.name for one in list_snapshots(suite) if one.of_the_clock]
    for name in made[keep:]:
        delete_snapshot(suite, name, progress)
    return made[keep:]


@contextmanager
def maker_of(suite: str, progress: Progress) -> Iterator[tuple[SnapshotMaker, Callable[[], None]]]:
    """Hold the leases of the sweep and of the suite's publisher, in the sweep's order, for the block.

    So nothing that the snapshot is to hold goes while it is made, and nobody makes the same one.
    """
    table = adapters.package_table()
    with lease_held(table, "sweep") as sweeps, lease_held(table, f"publish:{suite}") as publishers:

        def keep_both() -> None:
            sweeps.keep_lease()
            publishers.keep_lease()

        yield SnapshotMaker(adapters.bucket(), adapters.signer(), keep_both, progress), publishers.confirm


def digest_in_place(suite: str) -> str:
    """Return the digest of the publication that a snapshot made now would hold; raise as `source_of`."""
    return release_digest(source_of(known_suite(suite).name, "").text)
