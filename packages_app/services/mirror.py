"""The mirror: the package table copied into Django's database for browsing, after the table, never before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, TypeVar

import structlog
from django.db import transaction

from packages_app.core.errors import InvalidVersion
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, TableKey
from packages_app.models import Package, SuiteMembership
from packages_app.services.adapters import package_table
from packages_app.services.publication_requests import request_publications

_BATCH = 500
_COLUMNS = tuple(field.name for field in fields(PackageRecord) if field.name != "suites")

Item = TypeVar("Item")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """What a reconciliation found: records read, rows added, changed and removed."""

    records: int
    added: int
    changed: int
    removed: int


@dataclass(frozen=True)
class _Batch:
    added: int
    changed: int
    suites: frozenset[str]
    rows: frozenset[int]


def mirror_record(record: PackageRecord) -> bool:
    """Bring one record's row up to date; True when something changed."""
    batch = _mirror_batch([record])
    return bool(batch.added or batch.changed)


def reconcile_mirror(progress: Progress) -> Reconciled:
    """Make the mirror equal to the table, and ask for publications of the suites that were found to differ.

    Only rows that were there at the start are removed: one that appears meanwhile has a record that was not read yet.
    """
    progress.step("read the package table")
    unseen = set(Package.objects.values_list("pk", flat=True).iterator(chunk_size=5000))
    read = added = changed = 0
    suites: set[str] = set()
    for records in _in_batches(package_table().all_records()):
        batch = _mirror_batch(records)
        read, added, changed = read + len(records), added + batch.added, changed + batch.changed
        suites |= batch.suites
        unseen -= batch.rows
        progress.advance(read, read)
    progress.step("remove rows without a record", str(len(unseen)))
    for pks in _in_batches(sorted(unseen)):
        rows = Package.objects.filter(pk__in=pks)
        suites |= set(SuiteMembership.objects.filter(package__in=rows).values_list("suite", flat=True))
        rows.delete()
    request_publications(suites)
    log.info("mirror_reconciled", records=read, added=added, changed=changed, removed=len(unseen))
    return Reconciled(read, added, changed, len(unseen))


def mirror_differences(records: Iterable[PackageRecord]) -> list[TableKey]:
    """Give the keys of rows that are not as their record says, that lack, or that have no record, sorted.

    `records` is the whole table, read a moment ago: what differs is looked at once more, since records may have come.
    """
    unseen = set(Package.objects.values_list("package_id", "architecture").iterator(chunk_size=5000))
    suspects: set[TableKey] = set()
    for batch in _in_batches(records):
        rows = _rows_of({record.package_id for record in batch})
        suspects |= {r.key for r in batch if r.key not in rows or _differs(rows[r.key], r)}
        unseen -= {record.key for record in batch}
    differing: list[TableKey] = []
    for keys in _in_batches(sorted(suspects | unseen)):
        now = package_table().get_many(keys)
        rows = _rows_of({package_id for package_id, _ in keys})
        differing += [key for key in keys if not _same(rows.get(key), now.get(key))]
    return differing


def _same(row: Package | None, record: PackageRecord | None) -> bool:
    if row is None or record is None:
        return row is None and record is None
    return not _differs(row, record)


def _rows_of(package_ids: set[str]) -> dict[TableKey, Package]:
    rows = Package.objects.filter(package_id__in=package_ids).prefetch_related("memberships")
    return {(row.package_id, row.architecture): row for row in rows}


def _mirror_batch(records: list[PackageRecord]) -> _Batch:
    """Bring the rows of some records up to date in one transaction."""
    with transaction.atomic():
        rows = _rows_of({record.package_id for record in records})
        new = [_row(record) for record in records if record.key not in rows]
        stale = [record for record in records if record.key in rows and _differs(rows[record.key], record)]
        added = Package.objects.bulk_create(new)
        for record in stale:
            _fill(rows[record.key], record).save()
        changed_suites = _renew_memberships(
            [(row.pk, record, ()) for row, record in zip(added, [r for r in records if r.key not in rows], strict=True)]
            + [(rows[r.key].pk, r, tuple(m.suite for m in rows[r.key].memberships.all())) for r in stale]
        )
        kept = {rows[record.key].pk for record in records if record.key in rows}
    return _Batch(len(new), len(stale), changed_suites, frozenset(kept))


def _renew_memberships(changes: list[tuple[int, PackageRecord, tuple[str, ...]]]) -> frozenset[str]:
    """Set the suites of changed rows; gives every suite that a changed row is or was in."""
    SuiteMembership.objects.filter(package__in=[pk for pk, _, before in changes if before]).delete()
    SuiteMembership.objects.bulk_create(
        SuiteMembership(package_id=pk, suite=suite) for pk, record, _ in changes for suite in record.suites
    )
    return frozenset(suite for _, record, before in changes for suite in (*record.suites, *before))


def _values(record: PackageRecord) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(record, name) for name in _COLUMNS}
    try:
        key = record.version_key
    except InvalidVersion:  # a foreign record: shown, sorted first, left out of indexes
        key = ""
    return {**values, "package_id": record.package_id, "version_key": key}


def _row(record: PackageRecord) -> Package:
    return Package(**_values(record))


def _fill(row: Package, record: PackageRecord) -> Package:
    for name, value in _values(record).items():
        setattr(row, name, value)
    return row


def _differs(row: Package, record: PackageRecord) -> bool:
    same = all(getattr(row, name) == value for name, value in _values(record).items())
    return not same or sorted(m.suite for m in row.memberships.all()) != list(record.suites)


def _in_batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, _BATCH)):
        yield batch
