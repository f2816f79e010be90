"""Which versions of a suite no retention takes out, whatever its policy says, and why.

This is the one place that is asked: what else keeps versions is to say so here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from packages_app.core.record import TableKey
from packages_app.core.suite_change import SuiteChange, What, changes_of
from packages_app.models import Publication
from packages_app.services import adapters
from packages_app.services.lifecycle.steps import histories_by_version
from packages_app.services.publication.shown import shown_by
from packages_app.services.snapshots.snapshots import keys_protected_by_snapshots

PINNED = "in a pinned publication"
SNAPSHOT = "in a snapshot"
BROUGHT_BACK = "brought back after it was retained out"
JUST_CAME = "came into the suite lately"


def protected_keys(suite: str, ages: Mapping[TableKey, timedelta], now: datetime) -> dict[TableKey, str]:
    """Return why some versions of a suite stay, by their keys; raise the errors of table and store.

    Those that a pinned publication of the suite showed do, or a snapshot of any, since clients fetch their files.
    `ages` has the age up to which each is kept. What came into the suite within it, by its history, stays: a promotion,
    or a restoration, of an old version begins its days. So does for good what somebody brought back after it was
    retained out.
    """
    histories = histories_by_version(adapters.package_table(), ages)
    found = {key: _reason(suite, changes_of(histories[key[0]], key[1]), now - age) for key, age in ages.items()}
    reasons = {key: reason for key, reason in found.items() if reason}
    pinned = Publication.objects.filter(suite=suite, pinned=True)
    reasons |= dict.fromkeys((key for each in pinned for key in shown_by(each).contents() & ages.keys()), PINNED)
    return reasons | dict.fromkeys(keys_protected_by_snapshots() & ages.keys(), SNAPSHOT)


def _reason(suite: str, own: Sequence[SuiteChange], since: datetime) -> str:
    came = [one for one in own if one.brings_into(suite)]
    if not came:
        return ""
    if any(one.what is What.RETAINED and suite in one.before and one.when < came[-1].when for one in own):
        return BROUGHT_BACK
    return JUST_CAME if datetime.fromisoformat(came[-1].when) > since else ""
