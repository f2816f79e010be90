"""What a record keeps in `other_fields` besides its own fields: a JSON object, "" for nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import msgspec

from packages_app.core.record import PackageRecord

_OLD_TEXT = "other_fields"


class Keeps(Protocol):
    """A record, or its row in the mirror."""

    @property
    def other_fields(self) -> str:
        """What it keeps, as text."""
        ...


def kept_in(record: Keeps) -> dict[str, Any]:
    """Return what a record keeps, by name; empty for nothing, and for what an older table said that is no object."""
    try:
        kept = msgspec.json.decode(record.other_fields or "{}")
    except msgspec.DecodeError:
        return {}
    return kept if isinstance(kept, dict) else {}


def keeping(record: PackageRecord, name: str, value: object) -> PackageRecord:
    """Return the record with something kept under a name, nothing where it is empty; the rest stays."""
    kept = kept_in(record)
    if not value and name not in kept:
        return record
    if record.other_fields and not kept:  # an older table's text
        kept = {_OLD_TEXT: record.other_fields}
    kept.pop(name, None)
    if value:
        kept[name] = value
    return replace(record, other_fields=msgspec.json.encode(kept).decode() if kept else "")
