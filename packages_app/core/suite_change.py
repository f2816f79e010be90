"""What a record's history says: each change of the suites that it is in, by whom, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from packages_app.core.errors import PackageRefused
from packages_app.core.record import PackageRecord

LONGEST_REASON = 500
"""Characters."""


class What(StrEnum):
    """What was done."""

    ADDED = "added"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    RESTORED = "restored"
    PROMOTED = "promoted"
    ROLLED_OUT = "rolled_out"


@dataclass(frozen=True)
class SuiteChange:
    """One change of a record's suites, for one architecture of a version.

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


class VersionWithdrawn(PackageRefused):
    """A version was withdrawn from a suite by a person, and is offered for it again."""

    code = "version_withdrawn"


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
    moment = when.astimezone(UTC).isoformat(timespec="microseconds")
    after = tuple(sorted(set(suites)))
    return SuiteChange(record.architecture, moment, who, what, record.suites, after, reason, rollout)


def withdrawn_from(changes: Iterable[SuiteChange], architecture: str) -> dict[str, SuiteChange]:
    """Return the suites that a version is withdrawn from, with the change that did it; `changes` are oldest first."""
    found: dict[str, SuiteChange] = {}
    for change in changes:
        if change.architecture != architecture:
            continue
        for suite in set(change.before) - set(change.after):
            if change.what is What.WITHDRAWN:
                found[suite] = change
        for suite in change.after:
            found.pop(suite, None)
    return found


def is_withdrawn(record: PackageRecord, change: SuiteChange, suite: str) -> VersionWithdrawn:
    """Return the error of a version that comes again for a suite that it was withdrawn from."""
    why = f": {change.reason}" if change.reason else ""
    return VersionWithdrawn(
        f"{record.named} was withdrawn from {suite} by {change.who} on {change.when[:10]}{why}.",
        remedy=f"To have it back: manage.py restore_version '{record.package_name} (= {record.version})'. A version"
        " that is mended needs a number of its own.",
    )


def written_as(change: SuiteChange) -> str:
    """Return a change as the table keeps it: JSON."""
    return _WRITER.encode(change).decode()


def read_from(text: str) -> SuiteChange:
    """Return the change that a text tells of; raise `msgspec.DecodeError`."""
    return _READER.decode(text)


_WRITER = msgspec.json.Encoder()
_READER = msgspec.json.Decoder(SuiteChange)
