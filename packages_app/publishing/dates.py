"""When a Release is dated: never ahead of the store's clock, never before the one in place (apt ignores or refuses)."""

from __future__ import annotations

from datetime import datetime, timedelta

from packages_app.core.errors import ClockWrong
from packages_app.publishing.published import Published

CLOCK_SLACK = timedelta(seconds=10)
"""How far ahead of its own clock apt takes a Release's Date (apt.conf(5), Acquire::Max-FutureTime)."""


_BURST = timedelta(seconds=5)
"""So far ahead of apt's slack a burst of publications may have come: each is dated a second after the one before."""


def seconds_to_wait(published: Published, now: datetime) -> float:
    """Return how long the clock has to go on before a Release can be dated after one of a burst; 0 when it need not."""
    if published.release is None:
        return 0.0
    ahead = published.release.date + timedelta(seconds=1) - now - CLOCK_SLACK
    return max(0.0, ahead.total_seconds()) if ahead <= _BURST else 0.0


def date_after(published: Published, now: datetime, *, rebuild: bool) -> datetime:
    """Return the date of the Release that replaces `published`, in whole seconds.

    Raise `ClockWrong` when the one in place lies in the future, unless it is a `rebuild`.
    """
    now = now.replace(microsecond=0)
    if published.release is None:
        return now
    # Clients silently ignore a Release older than theirs, so a clock that was set back must not date it earlier.
    date = max(now, published.release.date + timedelta(seconds=1))
    if date - now <= CLOCK_SLACK:
        return date
    if rebuild:
        # A date so far ahead was refused by every client, so nobody holds that Release: now is newer than theirs.
        return now
    raise ClockWrong(
        f"Suite {published.release.fields['Suite']} was published at {published.release.date:%Y-%m-%d %H:%M:%S} UTC,"
        f" which is {(date - now).total_seconds():.0f} s ahead of this clock.",
        remedy="Set the clock right. If it is right, the published date is wrong: force_rebuild dates it anew.",
    )


def check_against_store(date: datetime, stores_now: datetime) -> None:
    """Raise `ClockWrong` when a date is ahead of what the store's clock says, which is nearer to the clients'."""
    ahead = date - stores_now
    if ahead > CLOCK_SLACK:
        raise ClockWrong(
            f"This clock is {ahead.total_seconds():.0f} s ahead of the store's: clients would refuse the Release.",
            remedy="Synchronise this machine's clock (NTP), then publish again.",
        )
