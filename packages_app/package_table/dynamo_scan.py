"""The whole of a DynamoDB table, read in parts at once; of each item only what a record needs is taken out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

from packages_app.core.record import PackageRecord
from packages_app.core.threads import Threads
from packages_app.package_table.dynamo_item import purged_by, record_of
from packages_app.package_table.dynamo_items import DynamoItems
from packages_app.package_table.raw_table import RawItem
from packages_app.package_table.rules import is_record, suite_of_note

_SEGMENTS = 4
_Page = tuple[int, list[RawItem], Any]


def scan_records(items: DynamoItems) -> Iterator[PackageRecord]:
    """Return every record once, in no order; raise PynamoDB's errors."""
    return (record_of(item) for item in _scan(items) if is_record(item["package_id"]["S"]) and purged_by(item) is None)


def suites_noted(items: DynamoItems) -> list[str]:
    """Return the suites whose Releases, or what their clients were given, are noted; raise PynamoDB's errors."""
    suites = (suite_of_note(item["package_id"]["S"]) for item in _scan(items))
    return sorted({suite for suite in suites if suite})


def _scan(items: DynamoItems) -> Iterator[RawItem]:
    """Return every item once, by a consistent scan of some segments at once, each at most a page ahead."""

    def page(segment: int, start: Any) -> _Page:
        return segment, *items.scan_page(segment, _SEGMENTS, start)

    with Threads(_SEGMENTS, thread_name_prefix="scan") as threads:
        waiting: set[Future[_Page]] = {threads.submit(page, segment, None) for segment in range(_SEGMENTS)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for each in done:
                segment, found, start = each.result()
                if start is not None:
                    waiting.add(threads.submit(page, segment, start))
                yield from found
