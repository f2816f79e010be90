"""What a record's history says: each change of the suites that it is in, by whom, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.core.record import PackageRecord, TableKey, named_key

LONGEST_REASON = 500
"""Characters."""


class What(StrEnum):
    """What was done."""

    TAKEN_IN = "taken in"
    ADDED = "added"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    FILLED = "filled from a snapshot"
    RETAINED = "retained out"
    PURGED = "purged"
    ROLLED_OUT = "rolled out"


@dataclass(frozen=True)
class SuiteChange:
    """One change of a record's suites, for one architecture of a version, or one build: `architecture` is `built_for`.

    `when` is ISO 8601 in UTC with microseconds, so that it sorts; `who` a user's name, a command's or the program's.
    `rollout` says which percentages of clients it changed (`core.rollout.told`), "" for none.
    """

    architecture: str
    when: str
    who: str
    what: What
    before: tuple[str, ...]
    after: tuple[str, ...]
    reason: str = ""
    rollout: str = ""

    def brings_into(self, suite: str) -> bool:
        """Return whether the version came into a suite by it."""
        return suite in self.after and suite not in self.before


LEFT_BY_A_PERSON = (What.WITHDRAWN, What.ROLLED_BACK, What.FILLED)
"""What took a version out of a suite that it does not come back to by itself."""
RESTORABLE = (*LEFT_BY_A_PERSON, What.RETAINED)
"""What took a version out of a suite that it can be restored to."""

Known = tuple[dict[TableKey, PackageRecord], dict[TableKey, SuiteChange]]
"""Records by their keys, and what purged others, by theirs."""


class VersionWithdrawn(PackageRefused):
    """A version was withdrawn from a suite by a person, and is offered for it again."""

    code = "version_withdrawn"


class VersionPurged(PackageRefused):
    """A version that was purged is offered, restored or promoted again, with whatever bytes."""

    code = "version_purged"


class FileSwept(PackageRefused):
    """A version that retention took out is to come back, and the sweep has taken its file for good."""

    code = "file_swept"


class RemovalRefused(PackageRefused):
    """Files may not be deleted from the pool, so a purge was not begun; nothing was removed."""

    code = "removal_refused"


class PurgeUnfinished(RepomgrError):
    """A version was purged, and a copy of its file is still there; the job goes on where it is started again."""

    code = "purge_unfinished"


def change_of(
    record: PackageRecord,
    suites: Iterable[str],
    what: What,
    *,
    who: str,
    when: datetime,
    reason: str = "",
    rollout: str = "",
) -> SuiteChange:
    """Return the entry for a change of a record's suites to `suites`."""
    after = tuple(sorted(set(suites)))
    return SuiteChange(record.built_for, _moment(when), who, what, record.suites, after, reason, rollout)


def taken_in(record: PackageRecord, *, who: str, way: str, when: datetime) -> SuiteChange:
    """Return the first entry of a new record's history: taken in for its suites, by whom and which way."""
    return SuiteChange(record.built_for, _moment(when), who, What.TAKEN_IN, (), record.suites, way)


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="microseconds")


def changes_of(changes: Iterable[SuiteChange], built_for: str) -> list[SuiteChange]:
    """Return those changes of a version's history that are of one record, by the second part of its key, in order."""
    return [change for change in changes if change.architecture == built_for]


def withdrawn_from(
    changes: Iterable[SuiteChange], built_for: str, by: Collection[What] = LEFT_BY_A_PERSON
) -> dict[str, SuiteChange]:
    """Return the suites that a record is withdrawn from, with the change that did it; `changes` are oldest first.

    It is one of those that `by` names. What left a suite by a roll back, or as the suite was filled, stays out of
    it too, until a person has it back.
    """
    found: dict[str, SuiteChange] = {}
    for change in changes_of(changes, built_for):
        for suite in set(change.before) - set(change.after):
            if change.what in by:
                found[suite] = change
        for suite in change.after:
            found.pop(suite, None)
    return found


def is_withdrawn(record: PackageRecord, change: SuiteChange, suite: str) -> VersionWithdrawn:
    """Return the error of a version that comes again for a suite that it was withdrawn from."""
    why = f": {change.reason}" if change.reason else ""
    return VersionWithdrawn(
        f"{record.named} left {suite} on {change.when[:10]}, {change.what} by {change.who}{why}.",
        remedy=f"To have it back: manage.py restore_version '{record.package_name} (= {record.version})'. A version"
        " that is mended needs a number of its own.",
    )


def is_purged(key: TableKey, change: SuiteChange) -> VersionPurged:
    """Return the error of a version that comes again after it was purged."""
    why = f": {change.reason}" if change.reason else ""
    return VersionPurged(
        f"{named_key(key)} was purged by {change.who} on {change.when[:10]}{why}. It is taken never again.",
        remedy="Give what is mended a version of its own.",
    )


def written_as(change: SuiteChange) -> str:
    """Return a change as the table keeps it: JSON."""
    return _WRITER.encode(change).decode()


def read_from(text: str) -> SuiteChange:
    """Return the change that a text tells of; raise `msgspec.DecodeError`."""
    return _READER.decode(text)


_WRITER = msgspec.json.Encoder()
_READER = msgspec.json.Decoder(SuiteChange)
