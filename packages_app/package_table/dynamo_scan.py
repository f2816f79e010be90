"""The whole of a DynamoDB table, read in parts at once; of each item only what a record needs is taken out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from packages_app.core.record import PackageRecord
from packages_app.package_table.dynamo_item import record_of_raw
from packages_app.package_table.rules import is_record

_SEGMENTS = 4
_Page = tuple[int, Mapping[str, Any]]


def scan_records(items: Any) -> Iterator[PackageRecord]:
    """Return every record once, in no order, by a consistent scan of some segments at once, each at most a page ahead.

    Raise PynamoDB's errors.
    """
    connection = items._get_connection()

    def page(segment: int, start: Any) -> _Page:
        answer: Mapping[str, Any] = connection.scan(
            segment=segment, total_segments=_SEGMENTS, exclusive_start_key=start, consistent_read=True
        )
        return segment, answer

    with ThreadPoolExecutor(_SEGMENTS, thread_name_prefix="scan") as threads:
        waiting: set[Future[_Page]] = {threads.submit(page, segment, None) for segment in range(_SEGMENTS)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for each in done:
                segment, answer = each.result()
                if "LastEvaluatedKey" in answer:
                    waiting.add(threads.submit(page, segment, answer["LastEvaluatedKey"]))
                yield from (record_of_raw(item) for item in answer["Items"] if is_record(item["package_id"]["S"]))
