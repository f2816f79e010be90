"""Versions made by hand of packages that a source watches: their records say so, and by whom."""

from __future__ import annotations

from packages_app.core.other_fields import keeping, kept_in
from packages_app.core.record import PackageRecord

_KEPT_AS = "made_by_hand"


def made_by_hand(record: PackageRecord, who: str) -> PackageRecord:
    """Return the record with a word on who made it by hand."""
    return keeping(record, _KEPT_AS, who)


def maker_of(record: PackageRecord) -> str:
    """Return who made a version by hand beside what its source brings, "" for all others."""
    return str(kept_in(record).get(_KEPT_AS, ""))
