"""Staged roll-outs: what the clock takes a step further, by the steps that are kept with each record."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from packages_app.core.batches import batches_of
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.rollout import KEPT_MARK, Rollout, rollouts_of
from packages_app.core.suite_change import What
from packages_app.models import Job, Package
from packages_app.services import adapters
from packages_app.services.lifecycle.move import MOST, request_move
from packages_app.services.lifecycle.steps import Move

_BATCH = 500


def step_rollouts() -> Job | None:
    """Ask for the next step of every roll-out that is due, as one job; return it, None where none is due.

    The mirror says where to look, the table what is due. Raise the errors of the table.
    """
    due = tuple(islice(_due(), MOST))
    if not due:
        return None
    return request_move(Move(What.ROLLED_OUT, due), "")


def rollouts_in(package: Package) -> dict[str, Rollout]:
    """Return the roll-outs of a row's record by suite, of those that it is in; none where all clients have it."""
    suites = {membership.suite for membership in package.memberships.all()}
    kept = PackageRecord(package.package_name, package.version, package.architecture, other_fields=package.other_fields)
    return {suite: one for suite, one in rollouts_of(kept).items() if suite in suites}


def rollout_lines(package: Package) -> list[str]:
    """Return how far a row's record is rolled out in each of its suites, for people; none where all clients have it."""
    return [_line(suite, one) for suite, one in rollouts_in(package).items()]


def _line(suite: str, rollout: Rollout) -> str:
    steps = ", ".join(map(str, rollout.steps))
    more = f", by steps of {steps} since {rollout.since[:16].replace('T', ' ')}" if len(rollout.steps) > 1 else ""
    return f"{suite}: given to {rollout.percent} % of clients{more}"


def _due() -> Iterator[TableKey]:
    now, table = adapters.now(), adapters.package_table()
    rows = Package.objects.filter(other_fields__contains=KEPT_MARK, memberships__isnull=False).order_by("pk")
    for keys in batches_of(rows.distinct().record_keys(), _BATCH):
        for key, record in table.get_many(keys).items():
            shown = rollouts_of(record)
            if any(shown[suite].percent_at(now) != shown[suite].percent for suite in shown if suite in record.suites):
                yield key
