"""What a record says, as a row holds it: by the same limits on every database, and a row that still fails left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import structlog
from django.db import DataError, IntegrityError

from packages_app.core.record import PackageRecord, TableKey, architecture_and_build
from packages_app.core.storable_text import storable
from packages_app.models import Package, SuiteMembership
from packages_app.services.transactions import in_transaction

_REFUSED = (DataError, IntegrityError, OverflowError, ValueError)
"""What a database raises for a value that it can't hold. One that is away, or busy, is another matter."""
_LARGEST = 2**63 - 1

log = structlog.get_logger(__name__)


def fitting(columns: Sequence[str], values: Sequence[Any]) -> tuple[Any, ...]:
    """Return a row's values, cut and cleaned to what its columns hold; a number too large is not known (None)."""
    longest = _limits(tuple(columns))
    return tuple(
        storable(value, limit) if isinstance(value, str) else _number(value)
        for value, limit in zip(values, longest, strict=True)
    )


def has_place(record: PackageRecord) -> bool:
    """Return whether a row can have a record's key and suites, which are never cut: they would be another's."""
    suites = all(_holds(SuiteMembership, "suite", suite) for suite in record.suites)
    named = _holds(Package, "package_name", record.package_name) and _holds(Package, "version", record.version)
    return suites and named and is_key_of_a_row(record.key)


def is_key_of_a_row(key: TableKey) -> bool:
    """Return whether a row can have this key."""
    return _holds(Package, "package_id", key[0]) and all(
        _holds(Package, column, text)
        for column, text in zip(("architecture", "build"), architecture_and_build(key[1]), strict=True)
    )


def written(records: Sequence[PackageRecord], write: Callable[[Sequence[PackageRecord]], None]) -> list[PackageRecord]:
    """Write the rows of records, each half in a transaction of its own when the whole fails; return those written.

    A record whose row the database refuses is named in the log and left out; the others are written.
    """
    if not records:
        return []
    try:
        in_transaction(lambda: write(records))
    except _REFUSED as error:
        if len(records) == 1:
            log.error("record_not_mirrored", package=storable(records[0].named), error=str(error))
            return []
        half = len(records) // 2
        return written(records[:half], write) + written(records[half:], write)
    return list(records)


def with_place(records: Sequence[PackageRecord]) -> list[PackageRecord]:
    """Return the records that a row can have; the others are named in the log."""
    kept = [record for record in records if has_place(record)]
    if len(kept) < len(records):
        for record in records:
            if not has_place(record):
                log.error("record_not_mirrored", package=storable(record.named, 500), error="its key fits in no row")
    return kept


def _number(value: Any) -> Any:
    return None if isinstance(value, int) and abs(value) > _LARGEST else value


def _holds(model: type[Package | SuiteMembership], column: str, text: str) -> bool:
    return storable(text, _limit(model, column)) == text


@lru_cache
def _limits(columns: tuple[str, ...]) -> tuple[int | None, ...]:
    return tuple(_limit(Package, column) for column in columns)


@lru_cache
def _limit(model: type[Package | SuiteMembership], column: str) -> int | None:
    return getattr(model._meta.get_field(column), "max_length", None)
