"""Which versions of a suite no retention takes out, whatever its policy says, and why.

This is the one place that is asked. What else keeps versions, such as a pinned publication, is to say so here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial

from packages_app.core.at_once import at_once
from packages_app.core.record import TableKey
from packages_app.core.suite_change import SuiteChange, What
from packages_app.services import adapters

BROUGHT_BACK = "brought back after it was retained out"
JUST_CAME = "came into the suite lately"
_READERS = 8


def protected_keys(suite: str, ages: Mapping[TableKey, timedelta], now: datetime) -> dict[TableKey, str]:
    """Return why some versions of a suite stay, by their keys; raise the table's errors.

    `ages` has the age up to which each is kept. What came into the suite within it, by its history, stays: a promotion,
    or a restoration, of an old version begins its days. So does for good what somebody brought back after it was
    retained out.
    """
    found = at_once([partial(_reason, suite, key, now - age) for key, age in ages.items()], _READERS)
    return {key: reason for key, reason in zip(ages, found, strict=True) if reason}


def _reason(suite: str, key: TableKey, since: datetime) -> str:
    name, _, version = key[0].partition("#")
    own = [one for one in adapters.package_table().suite_changes_of(name, version) if one.architecture == key[1]]
    came = [one for one in own if _came_into(suite, one)]
    if not came:
        return ""
    if any(one.what is What.RETAINED and suite in one.before and one.when < came[-1].when for one in own):
        return BROUGHT_BACK
    return JUST_CAME if datetime.fromisoformat(came[-1].when) > since else ""


def _came_into(suite: str, change: SuiteChange) -> bool:
    return suite in change.after and suite not in change.before
