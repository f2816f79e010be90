"""Lines of the audit trail as text for others: JSON lines, from which the chain can be checked, and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC
from enum import StrEnum
from typing import Any

from packages_app.models import AuditEntry

_AT_ONCE = 2000
_COLUMNS = ("number", "happened", *AuditEntry.SAID, "previous", "digest")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Format(StrEnum):
    """How lines are given."""

    JSONL = "jsonl"
    CSV = "csv"


CONTENT_TYPES = {Format.JSONL: "application/x-ndjson", Format.CSV: "text/csv; charset=utf-8"}


def exported(lines: Iterable[AuditEntry], form: Format) -> Iterator[str]:
    """Yield lines as text, a line or more each time. JSON has the very texts that digests are made of.

    Of CSV the first line names columns. A text there that a spreadsheet would take for a formula begins with an
    apostrophe.
    """
    if form is Format.JSONL:
        for line in lines:
            yield json.dumps(_texts(line), ensure_ascii=False) + "\n"
        return
    yield _csv_row(list(_COLUMNS))
    for line in lines:
        yield _csv_row([_plain(value) for value in _texts(line).values()])


def in_order(lines: Any) -> Iterator[AuditEntry]:
    """Yield the lines of a search, oldest first, without holding all of them."""
    return iter(lines.order_by("pk").iterator(_AT_ONCE))


def _texts(line: AuditEntry) -> dict[str, Any]:
    when = line.happened.astimezone(UTC).isoformat(timespec="microseconds")
    said = {name: str(getattr(line, name)) for name in AuditEntry.SAID}
    return {"number": line.number, "happened": when, **said, "previous": line.previous, "digest": line.digest}


def _csv_row(values: list[Any]) -> str:
    row = io.StringIO()
    csv.writer(row).writerow(values)
    return row.getvalue()


def _plain(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
