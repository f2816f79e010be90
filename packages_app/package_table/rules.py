"""What both adapters say and do alike."""

from __future__ import annotations

from packages_app.core.conflict import version_conflict
from packages_app.core.errors import LeaseBusy, LeaseLost, ObjectChanged, RecordNotFound
from packages_app.core.ports import Lease, Written
from packages_app.core.record import PackageRecord

SERVICE = "-"
"""How the partition keys of items begin that are no records; no package name begins so (Debian Policy 5.6.1)."""
LEASE_ARCHITECTURE = "-"
RELEASES = f"{SERVICE}releases#"
"""How the partition keys of the items begin that name Releases."""


def lease_id(name: str) -> str:
    """Give a lease's partition key."""
    return f"{SERVICE}lease#{name}"


def changes_id(suite: str) -> str:
    """Give the partition key of a suite's marks."""
    return f"{SERVICE}changed#{suite}"


def releases_id(suite: str) -> str:
    """Give the partition key of the item that names a suite's Releases."""
    return f"{RELEASES}{suite}"


def is_record(package_id: str) -> bool:
    """Say whether an item is a record, not a lease or another thing of ours."""
    return not package_id.startswith(SERVICE)


def outcome_of_taken_key(record: PackageRecord, known: PackageRecord) -> Written:
    """Return what a write did that found its key taken; raise `VersionConflict` when the bytes differ."""
    if known.same_bytes_as(record):
        return Written.ALREADY_THERE
    raise version_conflict(record.named, known.file_identity, record.file_identity, where="recorded")


def suites_changed(record: PackageRecord, known: PackageRecord | None) -> Exception:
    """Give the error of a change of suites that met something else."""
    name = record.named
    if known is None:
        return RecordNotFound(f"There is no record {name}.", remedy="Read the record again.")
    return ObjectChanged(
        f"The suites of {name} are {', '.join(known.suites) or 'none'} by now, no longer those that were read.",
        remedy="Read the record again and decide anew.",
    )


def lease_busy(name: str, holder: str, seconds: float) -> LeaseBusy:
    """Give the error of a lease that another holds."""
    return LeaseBusy(
        f"{holder} holds {name} for another {max(0.0, seconds):.0f} s.",
        remedy="Wait: a publisher that died loses its lease when that time is over.",
    )


def lease_lost(lease: Lease) -> LeaseLost:
    """Give the error of a lease that is no longer ours."""
    return LeaseLost(
        f"{lease.holder} no longer holds {lease.name}: its lease ran out and another took it.",
        remedy="Start again: the other publisher's work counts.",
    )
