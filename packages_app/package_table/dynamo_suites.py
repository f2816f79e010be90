"""The list of each suite's records in DynamoDB: of every record an item in each of its suites, without more in it.

A line that is no longer true does no harm, since each record read says itself whether it is in the suite; a line that
lacks would. So the lists of a table that an earlier release made count only once all of its records are listed, and an
item says so. What such a release still writes meanwhile is found by its pending changes, and listed with them.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from operator import attrgetter
from typing import Any

import structlog
from pynamodb.exceptions import DoesNotExist, GetError

from packages_app.core.batches import batches_of
from packages_app.core.record import PackageRecord, TableKey
from packages_app.package_table.dynamo_changes import membership
from packages_app.package_table.dynamo_item import record_of_raw
from packages_app.package_table.dynamo_scan import scan_records
from packages_app.package_table.dynamo_slots import key_in, sort_keys_in, sort_keys_of
from packages_app.package_table.rules import LEASE_ARCHITECTURE, LISTED, members_id, old_pending_id

_BATCH = 100
"""BatchGetItem takes at most 100 keys (DynamoDB API)."""
_READERS = 8
_AHEAD = 12
"""So many batches are read ahead of the one that is asked for."""
_WRITERS = 8
_LINES = 500
_ROUNDS = 8

log = structlog.get_logger(__name__)


def are_listed(items: Any) -> bool:
    """Return whether the lists of all suites are complete; raise PynamoDB's errors."""
    try:
        items.get(LISTED, LEASE_ARCHITECTURE, consistent_read=True)
    except DoesNotExist:
        return False
    return True


def say_listed(items: Any) -> None:
    """Keep that the lists of all suites are complete."""
    items(LISTED, LEASE_ARCHITECTURE).save()


def records_in(items: Any, suite: str) -> Iterator[PackageRecord]:
    """Yield every record of a suite once, consistently, by key where there are lists; raise PynamoDB's errors."""
    if not are_listed(items):
        yield from (record for record in scan_records(items) if suite in record.suites)
        return
    # First what an earlier release has written: whoever removes that has listed its records before.
    late = sort_keys_of(items, old_pending_id(suite))
    keys = {key_in(one) for one in late} | {key_in(one) for _, one in sort_keys_in(items, members_id(suite))}
    yield from (record for record in read_records(items, sorted(keys)) if suite in record.suites)


def read_records(items: Any, keys: Collection[TableKey]) -> Iterator[PackageRecord]:
    """Yield the records of these keys that are there, consistently, some batches at once; those of sorted keys by key.

    Raise PynamoDB's errors.
    """
    batches = batches_of(keys, _BATCH)
    with ThreadPoolExecutor(_READERS, thread_name_prefix="get") as threads:
        coming: deque[Future[list[PackageRecord]]] = deque()
        try:
            while True:
                coming.extend(
                    threads.submit(_read_batch, items, some) for some in islice(batches, _AHEAD - len(coming))
                )
                if not coming:
                    return
                yield from coming.popleft().result()
        finally:
            for one in coming:  # of a caller who wants no more
                one.cancel()


def _read_batch(items: Any, keys: Iterable[TableKey]) -> list[PackageRecord]:
    """Read the records of at most a hundred keys; what a throttled table leaves out is asked for again."""
    connection, table = items._get_connection(), items.Meta.table_name
    wanted = [{"package_id": package_id, "architecture": architecture} for package_id, architecture in keys]
    found: list[PackageRecord] = []
    for attempt in range(_ROUNDS):
        answer = connection.batch_get_item(wanted, consistent_read=True)
        found += map(record_of_raw, answer.get("Responses", {}).get(table, ()))
        left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", ())
        if not left:
            return sorted(found, key=attrgetter("key"))
        wanted = [{name: value["S"] for name, value in key.items()} for key in left]
        log.warning("table_throttled", unprocessed=len(wanted), attempt=attempt + 1)
        time.sleep(min(0.05 * 2**attempt, 2.0) * random.uniform(0.5, 1))  # noqa: S311 - no secret
    raise GetError(f"{len(wanted)} items were left unread {_ROUNDS} times")


def list_records(items: Any, records: Iterable[PackageRecord]) -> int:
    """List records in each of their suites, those that are listed too; returns how many lines were written.

    Raise PynamoDB's errors.
    """
    lines = ((suite, record.key) for record in records for suite in record.suites)
    written = 0
    with ThreadPoolExecutor(_WRITERS, thread_name_prefix="list") as threads:
        for some in batches_of(lines, _LINES * _WRITERS):
            list(threads.map(lambda part: _write_lines(items, part), batches_of(some, _LINES)))
            written += len(some)
    return written


def _write_lines(items: Any, lines: Iterable[tuple[str, TableKey]]) -> None:
    with items.batch_write() as batch:
        for suite, key in lines:
            batch.save(membership(items, suite, key))


def list_all(items: Any) -> None:
    """List every record of a table that an earlier release made; others may write meanwhile, of that release too.

    What they add is listed by themselves, or has pending changes. Safe to repeat. Raise PynamoDB's errors.
    """
    written = list_records(items, scan_records(items))
    say_listed(items)
    log.info("suites_listed", lines=written)
