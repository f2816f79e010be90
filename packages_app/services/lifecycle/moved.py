"""One record moved, with its entry of history, whoever else moves it too."""

from __future__ import annotations

from collections.abc import Callable

from packages_app.core.errors import ObjectChanged, RecordNotFound
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import What, change_of
from packages_app.services import adapters
from packages_app.services.lifecycle.steps import Step

_TRIES = 5


def moved(
    step: Step, anew: Callable[[PackageRecord], Step | None], what: What, *, who: str, reason: str
) -> PackageRecord:
    """Do a step and return the record as it is then; where somebody else moved it meanwhile, do what is left.

    `anew` plans the step of the record as it is by then; None where there is none. Raise `ObjectChanged` when others
    move it again and again, `RecordNotFound` when it is gone.
    """
    table = adapters.package_table()
    for _ in range(_TRIES):
        now = adapters.now()
        change = change_of(step.record, step.suites, what, who=who, when=now, reason=reason, rollout=step.rollout)
        try:
            return table.set_suites(step.record, step.suites, change, other_fields=step.other_fields)
        except ObjectChanged as error:
            met = error
            record = table.get_many([step.record.key]).get(step.record.key)
            if record is None:
                raise RecordNotFound(f"The record {step.record.named} is gone.", remedy="Look what is there.") from None
            left = anew(record)
            if left is None:
                return record
            step = left
    raise met
