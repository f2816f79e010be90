"""Which records a move changes, and into which suites: the plan that a person is shown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from packages_app.core.definition import Definition
from packages_app.core.ports import PackageTable
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.rollout import Rollout, begun, rollouts_of, same_way, told, with_rollouts
from packages_app.core.suite_change import RESTORABLE, SuiteChange, What, withdrawn_from
from packages_app.services import adapters

_VERBS = {
    What.WITHDRAWN: "withdraw", What.RESTORED: "restore", What.PROMOTED: "promote", What.RETAINED: "retain out",
    What.ROLLED_OUT: "roll out",
}  # fmt: skip
_LEAVES = (What.WITHDRAWN, What.RETAINED)


@dataclass(frozen=True)
class Move:
    """What is to be done with versions.

    `suites` are those that they are withdrawn or retained out from or restored to, all where none is named, or that a
    promotion into the suite `to` takes them out of, none where none is named. `newer` promotes those alone that are
    newer than what that suite has of the same name and architecture. `rollout` are the steps of a roll-out that is to
    begin in the suites named, or in that of a promotion; without any a promotion goes by the definition, and a roll-out
    goes on as its own steps say by now.
    """

    what: What
    keys: tuple[TableKey, ...]
    suites: tuple[str, ...] = ()
    to: str = ""
    newer: bool = False
    rollout: tuple[int, ...] = ()

    @property
    def verb(self) -> str:
        """Return what is done, as an infinitive."""
        return _VERBS[self.what]

    def as_arguments(self) -> dict[str, Any]:
        """Return it as a job's row keeps it."""
        keys = [list(key) for key in self.keys]
        return {"what": str(self.what), "keys": keys, "suites": [*self.suites], "to": self.to, "newer": self.newer,
                "rollout": [*self.rollout]}  # fmt: skip

    @classmethod
    def of_arguments(cls, kept: dict[str, Any]) -> Move:
        """Return what `as_arguments` gave."""
        keys = tuple((package_id, built_for) for package_id, built_for in kept["keys"])
        return cls(What(kept["what"]), keys, tuple(kept["suites"]), kept["to"], kept["newer"],
                   tuple(kept.get("rollout", ())))  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A record as it is, and what it is to be: the suites that it is in, sorted, and its roll-outs by suite."""

    record: PackageRecord
    suites: tuple[str, ...]
    rollouts: Mapping[str, Rollout]

    @cached_property
    def _after(self) -> PackageRecord:
        return with_rollouts(self.record, self.rollouts)

    @cached_property
    def rolled(self) -> tuple[str, ...]:
        """Return the suites in which it goes on in another way, sorted: other clients get it now, or others will."""
        before, after = rollouts_of(self.record), rollouts_of(self._after)
        return tuple(suite for suite in self.suites if not same_way(before.get(suite), after.get(suite)))

    @property
    def touched(self) -> frozenset[str]:
        """Return the suites that it comes into or leaves, and those in which it is rolled out in another way."""
        return frozenset({*(set(self.record.suites) ^ set(self.suites)), *self.rolled})

    @property
    def untouched(self) -> frozenset[str]:
        """Return the suites in which it stays as it is."""
        return frozenset(self.suites) - self.touched

    @property
    def other_fields(self) -> str | None:
        """Return what the record is to keep with its roll-outs; None where these stay."""
        return self._after.other_fields if self.rolled else None

    @property
    def rollout(self) -> str:
        """Return the changes of percentages, as the record's history tells them; "" for none."""
        before, after = rollouts_of(self.record), rollouts_of(self._after)
        return ", ".join(
            told(suite, before.get(suite), after.get(suite), is_new=suite not in self.record.suites)
            for suite in self.rolled
        )


def steps_of(move: Move, table: PackageTable, records: Iterable[PackageRecord]) -> list[Step]:
    """Return a step for each record that something is to be done about, in their order; raise the table's errors."""
    planned = _Planned(move, table, list(records), adapters.now())
    steps = (Step(record, suites := planned.after(record), planned.rollouts(record, suites))
             for record in planned.records)  # fmt: skip
    return [step for step in steps if step.touched]


def histories_by_version(table: PackageTable, keys: Iterable[TableKey]) -> dict[str, list[SuiteChange]]:
    """Return the history of each version by its `name#version`, asked for once for all of its architectures.

    Raise the table's errors.
    """
    versions = sorted({package_id for package_id, _ in keys})
    named = [(name, version) for name, _, version in (one.partition("#") for one in versions)]
    return dict(zip(versions, table.histories_of(named), strict=True))


@dataclass(frozen=True)
class _Planned:
    move: Move
    table: PackageTable
    records: list[PackageRecord]
    now: datetime

    def after(self, record: PackageRecord) -> tuple[str, ...]:
        """Return the suites that a record is to be in."""
        named = self.move.suites
        if self.move.what in _LEAVES:
            return tuple(suite for suite in record.suites if named and suite not in named)
        if self.move.what is What.RESTORED:
            changes = self._changes[record.package_id]
            configured = {suite.name for suite in adapters.repository().suites}  # others were retired since
            withdrawn = set(withdrawn_from(changes, record.built_for, RESTORABLE)) & configured
            return tuple(sorted({*record.suites, *(suite for suite in withdrawn if not named or suite in named)}))
        if self.move.what is What.ROLLED_OUT:
            return record.suites
        if self.move.newer and record.version_key <= self._newest.get((record.package_name, record.architecture), ""):
            return record.suites
        return tuple(sorted({*record.suites, self.move.to} - (set(named) - {self.move.to})))

    def rollouts(self, record: PackageRecord, suites: Collection[str]) -> dict[str, Rollout]:
        """Return a record's roll-outs as they are to be, of a promotion that of the suite that it comes into anew."""
        rollouts = rollouts_of(record)
        if self.move.what is What.ROLLED_OUT:
            chosen = set(suites) & set(self.move.suites or suites)
            if self.move.rollout:
                return rollouts | {suite: begun(self.move.rollout, self.now) for suite in chosen}
            return rollouts | {suite: one.at(self.now) for suite, one in rollouts.items() if suite in chosen}
        if self.move.what is What.PROMOTED and self.move.to in set(suites) - set(record.suites):
            rollouts.pop(self.move.to, None)  # what it left when it was withdrawn from there
            if steps := self.move.rollout or self._defined(record.package_name):
                rollouts[self.move.to] = begun(steps, self.now)
        return rollouts

    def _defined(self, name: str) -> tuple[int, ...]:
        definition = self._definitions.get(name)
        return definition.rollout if definition is not None else ()

    @cached_property
    def _definitions(self) -> Mapping[str, Definition]:
        return adapters.definitions().by_package

    @cached_property
    def _changes(self) -> dict[str, list[SuiteChange]]:
        return histories_by_version(self.table, (record.key for record in self.records))

    @cached_property
    def _newest(self) -> dict[tuple[str, str], str]:
        """Return the key of the newest version that the suite of a promotion has, by name and architecture."""
        names = {record.package_name for record in self.records}
        there = [one for name in names for one in self.table.versions_of(name) if self.move.to in one.suites]
        there.sort(key=lambda one: one.version_key)
        return {(one.package_name, one.architecture): one.version_key for one in there}
