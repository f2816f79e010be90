"""What a package table does to bring records into other suites: a part of its port (`core/ports.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from packages_app.core.purging import Purging
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import SuiteChange


@dataclass(frozen=True)
class NewSuites:
    """A record as it was read, the suites that it is to be in, and what `Moving.set_suites` takes besides."""

    record: PackageRecord
    suites: tuple[str, ...]
    change: SuiteChange | None = None
    other_fields: str | None = None

    @property
    def coming(self) -> frozenset[str]:
        """The suites that it is to be in and was not."""
        return frozenset(self.suites).difference(self.record.suites)


class Moving(Purging, Protocol):
    """A table whose records move between suites. All calls raise as those of `PackageTable`."""

    def set_suites(
        self, record: PackageRecord, suites: Iterable[str], change: SuiteChange | None = None, *,
        other_fields: str | None = None,
    ) -> PackageRecord:  # fmt: skip
        """Change a record's suites from those of `record` to `suites`, and return the changed record.

        In the same step it is pending in all suites that it was or is in, listed in those that it is in, and `change`
        is kept in its history. `other_fields` are changed too. Raise `RecordNotFound`, `ObjectChanged`, `OtherBuild`.
        """
        ...

    def set_suites_of_many(self, moves: Sequence[NewSuites]) -> list[PackageRecord | None]:
        """Change the suites of records, of a key each, as `set_suites` does, faster; return them changed, in order.

        None stands for one that is no longer as it was read, or is gone: of it nothing changes. Each of the others is
        changed in one step with its own history. Raise `PackageRefused`, as `OtherBuild`, before anything changes; of
        other errors, and of an `OtherBuild` that was written at the same time, some may be changed by then.
        """
        ...

    def histories_of(self, versions: Sequence[tuple[str, str]]) -> list[list[SuiteChange]]:
        """Return of versions, a name and a version each, what `suite_changes_of` returns, faster, in their order."""
        ...
