"""What both adapters say and do alike."""

from __future__ import annotations

from packages_app.core.errors import LeaseBusy, LeaseLost, ObjectChanged, RecordNotFound, VersionConflict
from packages_app.core.ports import Lease, Written
from packages_app.core.record import PackageRecord

LEASE_ARCHITECTURE = "-"


def lease_id(name: str) -> str:
    """Give a lease's partition key; no package name begins with a hyphen (Debian Policy 5.6.1)."""
    return f"-lease#{name}"


def is_lease(package_id: str) -> bool:
    """Say whether an item is a lease, not a record."""
    return package_id.startswith("-lease#")


def outcome_of_taken_key(record: PackageRecord, known: PackageRecord) -> Written:
    """Say what a write met that found its key taken; raises `VersionConflict` when the bytes differ."""
    if known.same_bytes_as(record):
        return Written.ALREADY_THERE
    raise VersionConflict(
        f"{record.package_name} {record.version} {record.architecture} is there with other bytes: "
        f"SHA256 {known.sha256_hash} is recorded, {record.sha256_hash} was offered.",
        remedy="Give the new build a version of its own; what clients have is never replaced.",
    )


def suites_changed(record: PackageRecord, known: PackageRecord | None) -> Exception:
    """Give the error of a change of suites that met something else."""
    name = f"{record.package_id} {record.architecture}"
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
