"""What a package table does for purges: a part of its port (`core/ports.py`), kept by both adapters."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.suite_change import Known, SuiteChange


class Purging(Protocol):
    """A table that refuses for ever what was purged. All calls raise as those of `PackageTable`."""

    def purge(self, record: PackageRecord, change: SuiteChange) -> None:
        """Remove a record that is in no suite, and refuse its key for ever; a purged one is a success.

        In the same step a tombstone that says `change` takes its place, and `change` is kept in its version's history.
        Raise `RecordNotFound`, and `ObjectChanged` when it is in a suite by now.
        """
        ...

    def look_up(self, keys: Collection[TableKey]) -> Known:
        """Read the records of these keys, and what purged others of them (strongly consistent)."""
        ...
