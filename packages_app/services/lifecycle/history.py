"""A version's history for people: when it was taken in, and each change of its suites since."""

from __future__ import annotations

from packages_app.core.suite_change import SuiteChange, What, changes_of
from packages_app.models import Package
from packages_app.services import adapters


def history_of(package: Package) -> list[str]:
    """Return what the package table tells of a row's record, oldest first, a line each; raise the table's errors.

    Of what an earlier release took in its row says when.
    """
    changes = adapters.package_table().suite_changes_of(package.package_name, package.version)
    own = changes_of(changes, package.key[1])
    if own and own[0].what is What.TAKEN_IN:
        return [_line(change) for change in own]
    first = own[0].before if own else tuple(sorted(one.suite for one in package.memberships.all()))
    taken_in = f"{_moment(package.processed_timestamp)} taken in for {_suites(first)}"
    return [taken_in, *(_line(change) for change in own)]


def _line(change: SuiteChange) -> str:
    reason = f": {change.reason}" if change.reason else ""
    moved = change.before != change.after or not change.rollout
    places = [f"{_suites(change.before)} → {_suites(change.after)}"] if moved else []
    rollout = [f"given to {change.rollout} of clients"] if change.rollout else []
    return f"{_moment(change.when)} {change.what} by {change.who}, {', '.join([*places, *rollout])}{reason}"


def _suites(suites: tuple[str, ...]) -> str:
    return ", ".join(suites) or "no suite"


def _moment(text: str) -> str:
    return text[:16].replace("T", " ") or "at a time that is not known"
