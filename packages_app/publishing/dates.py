"""When a Release is dated: never ahead of the store's clock, never before what clients have; apt ignores or refuses."""

from __future__ import annotations

from datetime import datetime, timedelta

from packages_app.core.errors import ClockWrong
from packages_app.core.last_given import LastGiven
from packages_app.publishing.published import Published

CLOCK_SLACK = timedelta(seconds=10)
"""How far ahead of its own clock apt takes a Release's Date (apt.conf(5), Acquire::Max-FutureTime)."""


_BURST = timedelta(seconds=5)
"""So far ahead of apt's slack a burst of publications may have come: each is dated a second after the one before."""
_STEP = timedelta(seconds=1)


def newest_date(published: Published, given: LastGiven | None) -> datetime | None:
    """Return the newest date of what clients were given under our key, in place or by the table's word; or None."""
    dates = [given.date] if given is not None else []
    if published.release is not None:
        dates.append(published.release.date)
    odd = published.unrecognised
    if odd is not None and odd.ours and odd.date is not None:
        dates.append(odd.date)
    return max(dates, default=None)


def seconds_to_wait(published: Published, now: datetime, given: LastGiven | None = None) -> float:
    """Return how long the clock has to go on before a Release can be dated after one of a burst; 0 when it need not."""
    newest = newest_date(published, given)
    if newest is None:
        return 0.0
    ahead = newest + _STEP - now - CLOCK_SLACK
    return max(0.0, ahead.total_seconds()) if ahead <= _BURST else 0.0


def date_after(published: Published, now: datetime, *, rebuild: bool, given: LastGiven | None = None) -> datetime:
    """Return the date of the Release that replaces `published`, in whole seconds.

    Raise `ClockWrong` when the newest one that clients were given lies in the future. A `rebuild` passes over one in
    place that is dated ahead where the table tells that we never gave it to them.
    """
    now = now.replace(microsecond=0)
    newest = newest_date(published, given)
    if newest is None:
        return _after_anothers(published, now)
    # Clients silently ignore a Release older than theirs, so a clock that was set back must not date it earlier.
    date = max(now, newest + _STEP)
    if date - now <= CLOCK_SLACK:
        return date
    if rebuild and given is not None and given.date + _STEP - now <= CLOCK_SLACK:
        # A date so far ahead was refused by every client, so nobody holds that Release: what we gave them is older.
        return max(now, given.date + _STEP)
    raise ClockWrong(
        f"Clients were given a Release of {newest:%Y-%m-%d %H:%M:%S} UTC, which is {(date - now).total_seconds():.0f} s"
        f" ahead of this clock: they would ignore one dated {now:%Y-%m-%d %H:%M:%S}.",
        remedy="Set the clock right. If it is right, the published date is wrong, and approval dates it anew.",
    )


def _after_anothers(published: Published, now: datetime) -> datetime:
    """Return a date after that of a Release that our key did not sign, where clocks that go alike allow it."""
    claimed = published.unrecognised.date if published.unrecognised is not None else None
    if claimed is None or claimed + _STEP - now > CLOCK_SLACK:
        return now
    return max(now, claimed.replace(microsecond=0) + _STEP)


def check_against_store(date: datetime, stores_now: datetime) -> None:
    """Raise `ClockWrong` when a date is ahead of what the store's clock says, which is nearer to the clients'."""
    ahead = date - stores_now
    if ahead > CLOCK_SLACK:
        raise ClockWrong(
            f"This clock is {ahead.total_seconds():.0f} s ahead of the store's: clients would refuse the Release.",
            remedy="Synchronise this machine's clock (NTP), then publish again.",
        )
