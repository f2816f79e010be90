"""Which records a move changes, and into which suites: the plan that a person is shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from packages_app.core.at_once import at_once
from packages_app.core.ports import PackageTable
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.suite_change import SuiteChange, What, withdrawn_from

_AT_ONCE = 8


@dataclass(frozen=True)
class Move:
    """What is to be done with versions.

    `suites` are those that they are withdrawn from or restored to, all where none is named, or that a promotion into
    the suite `to` takes them out of, none where none is named. `newer` promotes those alone that are newer than what
    that suite has of the same name and architecture.
    """

    what: What
    keys: tuple[TableKey, ...]
    suites: tuple[str, ...] = ()
    to: str = ""
    newer: bool = False

    @property
    def verb(self) -> str:
        """Return what is done, as an infinitive."""
        return {What.WITHDRAWN: "withdraw", What.RESTORED: "restore", What.PROMOTED: "promote"}[self.what]

    def as_arguments(self) -> dict[str, Any]:
        """Return it as a job's row keeps it."""
        keys = [list(key) for key in self.keys]
        return {"what": str(self.what), "keys": keys, "suites": [*self.suites], "to": self.to, "newer": self.newer}

    @classmethod
    def of_arguments(cls, kept: dict[str, Any]) -> Move:
        """Return what `as_arguments` gave."""
        keys = tuple((package_id, architecture) for package_id, architecture in kept["keys"])
        return cls(What(kept["what"]), keys, tuple(kept["suites"]), kept["to"], kept["newer"])


@dataclass(frozen=True)
class Step:
    """A record as it is, and the suites that it is to be in, sorted."""

    record: PackageRecord
    suites: tuple[str, ...]

    @property
    def touched(self) -> frozenset[str]:
        """Return the suites that it comes into or leaves."""
        return frozenset(set(self.record.suites) ^ set(self.suites))


def steps_of(move: Move, table: PackageTable, records: Iterable[PackageRecord]) -> list[Step]:
    """Return a step for each record that something is to be done about, in their order; raise the table's errors."""
    planned = _Planned(move, table, list(records))
    return [step for record in planned.records if (step := Step(record, planned.after(record))).touched]


@dataclass(frozen=True)
class _Planned:
    move: Move
    table: PackageTable
    records: list[PackageRecord]

    def after(self, record: PackageRecord) -> tuple[str, ...]:
        """Return the suites that a record is to be in."""
        named = self.move.suites
        if self.move.what is What.WITHDRAWN:
            return tuple(suite for suite in record.suites if named and suite not in named)
        if self.move.what is What.RESTORED:
            changes = self._changes[record.package_name, record.version]
            withdrawn = withdrawn_from(changes, record.architecture)
            return tuple(sorted({*record.suites, *(suite for suite in withdrawn if not named or suite in named)}))
        if self.move.newer and record.version_key <= self._newest.get((record.package_name, record.architecture), ""):
            return record.suites
        return tuple(sorted({*record.suites, self.move.to} - (set(named) - {self.move.to})))

    @cached_property
    def _changes(self) -> dict[tuple[str, str], list[SuiteChange]]:
        """Return the history of each version, asked for once for all of its architectures, several at the same time."""
        versions = sorted({(record.package_name, record.version) for record in self.records})
        asked = [partial(self.table.suite_changes_of, name, version) for name, version in versions]
        return dict(zip(versions, at_once(asked, _AT_ONCE), strict=True))

    @cached_property
    def _newest(self) -> dict[tuple[str, str], str]:
        """Return the key of the newest version that the suite of a promotion has, by name and architecture."""
        names = {record.package_name for record in self.records}
        there = [one for name in names for one in self.table.versions_of(name) if self.move.to in one.suites]
        there.sort(key=lambda one: one.version_key)
        return {(one.package_name, one.architecture): one.version_key for one in there}
