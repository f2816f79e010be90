"""Snapshots of a suite: what one may be called, when the clock makes one, and why one can't be had.

A publication's own name among them is its Date, `20261128T101500Z`, so that any time leads to one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome

LONGEST_ID = 64
"""Characters."""
MARK = "snapshots"
"""The folder of a suite's snapshots, and the first part of the addresses that apt asks for a snapshot."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z", re.ASCII)
_TIME = "%Y%m%dT%H%M%SZ"
_TIME_ID = re.compile(r"\d{8}T\d{6}Z\Z", re.ASCII)
_LIKE_A_TIME = re.compile(r"\d{8}", re.ASCII)
_OF_THE_CLOCK = re.compile(r"(?:day-\d{4}-\d\d-\d\d|week-\d{4}-W\d\d|month-\d{4}-\d\d)\Z", re.ASCII)
_PERIODS = {"day": "day-%Y-%m-%d", "week": "week-%G-W%V", "month": "month-%Y-%m"}
# apt takes these for yes or no, not for an ID (StringToBool of its strutl.cc; the option Snapshot of sources.list(5)).
_OF_APT = ("0", "1", "no", "false", "without", "off", "disable", "yes", "true", "with", "on", "enable")

PERIODS = tuple(_PERIODS)
"""How often the clock may make a snapshot."""


class SnapshotRefused(RepomgrError):
    """A snapshot was asked for that can't be made, or that is not there."""

    code = "snapshot_refused"
    outcome = Outcome.REFUSED


class SnapshotExists(RepomgrError):
    """A suite has a snapshot of this ID; it was left as it is."""

    code = "snapshot_exists"
    outcome = Outcome.REFUSED


class SnapshotIncomplete(RepomgrError):
    """What a snapshot is to hold is no longer in the bucket."""

    code = "snapshot_incomplete"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class SnapshotSchedule:
    """Snapshots of the clock: one `every` day, week or month, of which the newest `keep` stay."""

    every: str
    keep: int

    def id_at(self, moment: datetime) -> str:
        """Return the ID of the snapshot of a moment's period (UTC), such as `week-2026-W48`."""
        return moment.astimezone(UTC).strftime(_PERIODS[self.every])


def checked_id(text: str, *, of_the_clock: bool = False) -> str:
    """Return an ID that a snapshot may have; raise `SnapshotRefused`.

    It is a part of an address. None may look like a time, which means a publication, or be a word that apt takes for
    yes or no; those of the form that the clock gives are its own.
    """
    why = ""
    if len(text) > LONGEST_ID or not _ID.match(text):
        why = "is no part of an address"
    elif _LIKE_A_TIME.match(text):
        why = "looks like a time, by which publications are asked for"
    elif text.lower() in _OF_APT:
        why = "is a word that apt takes for yes or no"
    elif is_of_the_clock(text) and not of_the_clock:
        why = "is one that the clock gives"
    if why:
        raise SnapshotRefused(
            f"The snapshot ID {text[: LONGEST_ID + 1]!r} {why}.",
            remedy=f"Use letters, digits, dot, hyphen and underscore, {LONGEST_ID} at most, such as 2026-q4.",
        )
    return text


def is_of_the_clock(snapshot_id: str) -> bool:
    """Return whether the clock made this snapshot, which goes beyond as many as are kept."""
    return _OF_THE_CLOCK.match(snapshot_id) is not None


def time_id(moment: datetime) -> str:
    """Return a moment as apt's snapshots write it: `20261128T101500Z`, in UTC."""
    return moment.astimezone(UTC).strftime(_TIME)


def time_of(snapshot_id: str) -> datetime | None:
    """Return the moment that an ID is (UTC), or None for one that is a name."""
    if _TIME_ID.match(snapshot_id) is None:
        return None
    try:
        return datetime.strptime(snapshot_id, _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def snapshots_folder(suite: str) -> str:
    """Return what all snapshots of a suite are below, `stable/snapshots`."""
    return f"{suite}/{MARK}"


def snapshot_folder(suite: str, snapshot_id: str) -> str:
    """Return what a snapshot is called as a suite of its own, `stable/snapshots/ID`; all that it has is below it."""
    return f"{snapshots_folder(suite)}/{snapshot_id}"
