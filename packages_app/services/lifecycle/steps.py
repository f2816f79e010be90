"""Which records a withdrawal or a restoration changes, and into which suites: the plan that a person is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from packages_app.core.ports import PackageTable
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import What, withdrawn_from


@dataclass(frozen=True)
class Step:
    """A record as it is, and the suites that it is to be in, sorted."""

    record: PackageRecord
    suites: tuple[str, ...]

    @property
    def touched(self) -> frozenset[str]:
        """Return the suites that it comes into or leaves."""
        return frozenset(set(self.record.suites) ^ set(self.suites))


def steps_of(what: What, table: PackageTable, records: Iterable[PackageRecord], suites: Collection[str]) -> list[Step]:
    """Return a step for each record that something is to be done about, in the order of the records.

    `what` is a withdrawal from these suites (from all that a record is in, where none is named), or the restoration of
    what was withdrawn from them. Raise the errors of the table.
    """
    steps = (Step(record, _after(what, table, record, suites)) for record in records)
    return [step for step in steps if step.touched]


def _after(what: What, table: PackageTable, record: PackageRecord, suites: Collection[str]) -> tuple[str, ...]:
    if what is What.WITHDRAWN:
        return tuple(suite for suite in record.suites if suites and suite not in suites)
    changes = table.suite_changes_of(record.package_name, record.version)
    withdrawn = withdrawn_from(changes, record.architecture)
    return tuple(sorted({*record.suites, *(suite for suite in withdrawn if not suites or suite in suites)}))
