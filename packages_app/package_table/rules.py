"""What both adapters say and do alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from packages_app.core.conflict import version_conflict
from packages_app.core.errors import LeaseBusy, LeaseLost, ObjectChanged, PackageRefused, RecordNotFound
from packages_app.core.ports import Lease, Written
from packages_app.core.record import PackageRecord, TableKey, named_key

SERVICE = "-"
"""How the partition keys of items begin that are no records; no package name begins so (Debian Policy 5.6.1)."""
LEASE_ARCHITECTURE = "-"
RELEASES = f"{SERVICE}releases#"
"""How the partition keys of the items begin that name Releases."""
GIVEN = f"{SERVICE}given#"
"""How the partition keys of the items begin that say what clients were given last."""
DOCUMENTS = f"{SERVICE}documents"
"""The partition key of the newest versions of all documents (`core.documents`), by name, and of their mark."""
LISTED = f"{SERVICE}listed"
"""The partition key of the item that says that the lists of all suites are complete."""

MOST_ITEMS = 100
"""A transaction of DynamoDB has at most so many items (DynamoDB API, TransactWriteItems)."""
MOST_SUITES = (MOST_ITEMS - 2) // 2
"""So many suites a write may touch: the record and its history have an item, each suite a pending change and a line of
its list."""


def lease_id(name: str) -> str:
    """Return a lease's partition key."""
    return f"{SERVICE}lease#{name}"


def pending_id(suite: str) -> str:
    """Return what the partition keys of a suite's pending changes begin with."""
    return f"{SERVICE}pending#{suite}"


def old_pending_id(suite: str) -> str:
    """Return the one partition key of a suite's pending changes in the layout of releases before 0.2."""
    return f"{SERVICE}changed#{suite}"


def members_id(suite: str) -> str:
    """Return what the partition keys of a suite's list of records begin with."""
    return f"{SERVICE}suite#{suite}"


def releases_id(suite: str) -> str:
    """Return the partition key of the item that names a suite's Releases."""
    return f"{RELEASES}{suite}"


def history_id(package_id: str) -> str:
    """Return the partition key of the items that tell of a version's changes of suites, in the order of their time."""
    return f"{SERVICE}history#{package_id}"


def document_id(name: str) -> str:
    """Return the partition key of every version of a document, in their order."""
    return f"{SERVICE}document#{name}"


def given_id(suite: str) -> str:
    """Return the partition key of the item that says what a suite's clients were given last."""
    return f"{GIVEN}{suite}"


def is_of_clients(package_id: str) -> bool:
    """Return whether an item is about what clients hold, which no restore of a table changes."""
    return package_id.startswith(GIVEN)


def suite_of_note(package_id: str) -> str:
    """Return the suite of an item that names its Releases or what its clients were given; "" for another item."""
    for begin in (RELEASES, GIVEN):
        if package_id.startswith(begin):
            return package_id.removeprefix(begin)
    return ""


def is_of_one_table(package_id: str) -> bool:
    """Return whether an item is true of one table only, not of a copy of its items: named Releases, complete lists."""
    return package_id == LISTED or package_id.startswith(RELEASES)


def is_record(package_id: str) -> bool:
    """Return whether an item is a record, not a lease or another thing of ours."""
    return not package_id.startswith(SERVICE)


def outcome_of_taken_key(record: PackageRecord, known: PackageRecord) -> Written:
    """Return what a write did that found its key taken; raise `VersionConflict` when the bytes differ."""
    if known.same_bytes_as(record):
        return Written.ALREADY_THERE
    raise version_conflict(record.named, known.file_identity, record.file_identity, where="recorded")


def check_suites(key: TableKey, touched: Collection[str], most: int | None) -> None:
    """Raise `PackageRefused` for a write that touches more suites than the table takes at once (None: any number)."""
    if most is not None and len(touched) > most:
        raise PackageRefused(
            f"A write of {named_key(key)} touches {len(touched)} suites; this table takes at most {most} at once.",
            remedy="Put it into fewer suites, or move it in several steps.",
        )


def changed_record(
    record: PackageRecord, known: PackageRecord | None, suites: Iterable[str], other_fields: str | None
) -> PackageRecord:
    """Return what the table has of a record with other suites, and other `other_fields` where some are given.

    Raise `RecordNotFound`, or `ObjectChanged` when that is no longer as `record` says in what is to be changed.
    """
    if known is None or known.suites != record.suites:
        raise suites_changed(record, known)
    if other_fields is None:
        return known.in_suites(suites)
    if known.other_fields != record.other_fields:
        raise suites_changed(record, known)
    return replace(known.in_suites(suites), other_fields=other_fields)


def suites_changed(record: PackageRecord, known: PackageRecord | None) -> Exception:
    """Return the error of a change of suites that met something else."""
    name = record.named
    if known is None:
        return RecordNotFound(f"There is no record {name}.", remedy="Read the record again.")
    if known.suites == record.suites:
        return ObjectChanged(
            f"What is kept with {name} is no longer what was read.", remedy="Read the record again and decide anew."
        )
    return ObjectChanged(
        f"The suites of {name} are {', '.join(known.suites) or 'none'} by now, no longer those that were read.",
        remedy="Read the record again and decide anew.",
    )


def given_by_another(suite: str) -> ObjectChanged:
    """Return the error of a note of what clients were given that another publisher has written meanwhile."""
    return ObjectChanged(
        f"Suite {suite} was published by another meanwhile.", remedy="Nothing: its publication counts."
    )


def lease_busy(name: str, holder: str, seconds: float) -> LeaseBusy:
    """Return the error of a lease that another holds."""
    return LeaseBusy(
        f"{holder} holds {name} for another {max(0.0, seconds):.0f} s.",
        remedy="Wait: a publisher that died loses its lease when that time is over.",
    )


def lease_lost(lease: Lease) -> LeaseLost:
    """Return the error of a lease that is no longer ours."""
    return LeaseLost(
        f"{lease.holder} no longer holds {lease.name}: its lease ran out and another took it.",
        remedy="Start again: the other publisher's work counts.",
    )
