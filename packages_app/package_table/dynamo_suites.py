"""The list of each suite's records in DynamoDB: of every record an item in each of its suites, without more in it.

A line that is no longer true does no harm, since each record read says itself whether it is in the suite; a line that
lacks would. So the lists of a table that an earlier release made count only once all of its records are listed, and an
item says so. What such a release still writes meanwhile is found by its pending changes, and listed with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import partial
from operator import attrgetter

import structlog

from packages_app.core.at_once import at_once, at_once_ahead
from packages_app.core.batches import batches_of
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.suite_change import Known, SuiteChange, written_as
from packages_app.package_table.dynamo_changes import line_of, write_listed
from packages_app.package_table.dynamo_item import Item, purged_by, record_of
from packages_app.package_table.dynamo_items import READ_AT_ONCE, DynamoItems
from packages_app.package_table.dynamo_scan import scan_records
from packages_app.package_table.dynamo_slots import key_in, sort_keys_in, sort_keys_of
from packages_app.package_table.raw_table import RawItem
from packages_app.package_table.rules import LEASE_ARCHITECTURE, LISTED, members_id, old_pending_id

_READERS = 8
_AHEAD = 12
"""So many batches are read before the caller asks for the next one."""
_WRITERS = 8
_LINES = 500

log = structlog.get_logger(__name__)


def are_listed(items: DynamoItems) -> bool:
    """Return whether the lists of all suites are complete; raise PynamoDB's errors."""
    return items.get((LISTED, LEASE_ARCHITECTURE)) is not None


def say_listed(items: DynamoItems) -> None:
    """Keep that the lists of all suites are complete."""
    items.put(Item(LISTED, LEASE_ARCHITECTURE))


def records_in(items: DynamoItems, suite: str) -> Iterator[PackageRecord]:
    """Yield every record of a suite once, consistently, by key where there are lists; raise PynamoDB's errors."""
    if not are_listed(items):
        yield from (record for record in scan_records(items) if suite in record.suites)
        return
    # First what an earlier release has written: whoever removes that has listed its records before.
    late = sort_keys_of(items, old_pending_id(suite))
    keys = {key_in(one) for one in late} | {key_in(one) for _, one in sort_keys_in(items, members_id(suite))}
    yield from (record for record in read_records(items, sorted(keys)) if suite in record.suites)


def read_records(items: DynamoItems, keys: Collection[TableKey]) -> Iterator[PackageRecord]:
    """Yield the records of these keys that are there, consistently, some batches at once; those of sorted keys by key.

    Raise PynamoDB's errors.
    """
    for found in _read_batches(items, keys):
        yield from sorted((record_of(item) for item in found if purged_by(item) is None), key=attrgetter("key"))


def look_up(items: DynamoItems, keys: Collection[TableKey]) -> Known:
    """Return the records of these keys, and what purged others of them, consistently; raise PynamoDB's errors."""
    records: dict[TableKey, PackageRecord] = {}
    purged: dict[TableKey, SuiteChange] = {}
    for item in (item for found in _read_batches(items, keys) for item in found):
        key = (item["package_id"]["S"], item["architecture"]["S"])
        if (change := purged_by(item)) is not None:
            purged[key] = change
        else:
            records[key] = record_of(item)
    return records, purged


def purge_record(items: DynamoItems, key: TableKey, change: SuiteChange) -> bool:
    """Put a tombstone in a record's place where that is in no suite; False where it is not so. Raise PynamoDB's errors.

    A tombstone has no name, so the index of names does not have it.
    """
    free = Item.package_id.exists() & Item.purged.does_not_exist() & (Item.suites == [])
    item = Item(*key, purged=written_as(change))
    return write_listed(items, lambda transaction: transaction.put(item, free), key, (), change=change)


def _read_batches(items: DynamoItems, keys: Collection[TableKey]) -> Iterator[list[RawItem]]:
    reads = (partial(items.get_many, some) for some in batches_of(keys, READ_AT_ONCE))
    return at_once_ahead(reads, _READERS, _AHEAD)


def list_records(items: DynamoItems, records: Iterable[PackageRecord]) -> int:
    """List records in each of their suites, those that are listed too; returns how many lines were written.

    Raise PynamoDB's errors.
    """
    lines = (line_of(suite, record.key, items.slots) for record in records for suite in record.suites)
    written = 0
    for some in batches_of(lines, _LINES * _WRITERS):
        at_once([partial(items.put_all, part) for part in batches_of(some, _LINES)], _WRITERS)
        written += len(some)
    return written


def list_all(items: DynamoItems) -> None:
    """List every record of a table that an earlier release made; others may write meanwhile, of that release too.

    What they add is listed by themselves, or has pending changes. Safe to repeat. Raise PynamoDB's errors.
    """
    written = list_records(items, scan_records(items))
    say_listed(items)
    log.info("suites_listed", lines=written)
