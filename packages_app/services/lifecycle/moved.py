"""Records moved, each with its entry of history, whoever else moves them too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from packages_app.core.errors import ObjectChanged, RecordNotFound
from packages_app.core.moving import NewSuites
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import What, change_of
from packages_app.services import adapters
from packages_app.services.lifecycle.steps import Step
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.requests import request_publications

_TRIES = 5

Planner = Callable[[list[PackageRecord]], Iterable[Step]]
"""Plans the steps of records as they are by now; none for one of which nothing is left to do."""


def move_together(steps: Sequence[Step], anew: Planner, what: What, *, who: str, reason: str) -> int:
    """Do the steps of some records, of a key each, and mirror these; return how many of them this call has moved.

    Where somebody else moved a record meanwhile, what is left is done, as `anew` plans it. Raise `ObjectChanged` when
    others move one again and again, `RecordNotFound` when one is gone; what was moved by then is mirrored.

    The table leaves a pending change in each suite that a record is in. Publications of those in which nothing else
    becomes of it are asked for here, those of the others by who moves it.
    """
    left, found, done = list(steps), list[PackageRecord](), 0
    try:
        for _ in range(_TRIES):
            moved = _moved(left, what, who=who, reason=reason)
            found += [record for record in moved if record is not None]
            done += len(moved) - moved.count(None)
            met = [step.record for step, record in zip(left, moved, strict=True) if record is None]
            if not met:
                return done
            records = _by_now(met)
            left = list(anew(records))
            keys = {step.record.key for step in left}
            found += [record for record in records if record.key not in keys]
            if not left:
                return done
    finally:
        if found:
            mirror_records(found)
            request_publications({suite for step in steps for suite in step.untouched})
    raise ObjectChanged(
        f"Others have moved {left[0].record.named} again and again.", remedy="Look who works at it, and try again."
    )


def _moved(steps: Sequence[Step], what: What, *, who: str, reason: str) -> list[PackageRecord | None]:
    now = adapters.now()
    return adapters.package_table().set_suites_of_many([
        NewSuites(
            step.record, step.suites,
            change_of(step.record, step.suites, what, who=who, when=now, reason=reason, rollout=step.rollout),
            step.other_fields,
        )
        for step in steps
    ])  # fmt: skip


def _by_now(records: Sequence[PackageRecord]) -> list[PackageRecord]:
    found = adapters.package_table().get_many([record.key for record in records])
    for record in records:
        if record.key not in found:
            raise RecordNotFound(f"The record {record.named} is gone.", remedy="Look what is there.")
    return [found[record.key] for record in records]
