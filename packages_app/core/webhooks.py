"""Which events a webhook hears of, by patterns; and what is refused of one."""

from __future__ import annotations

from collections.abc import Collection

from packages_app.core.errors import RepomgrError
from packages_app.core.name_patterns import checked_pattern, fits, parted
from packages_app.core.outcome import Outcome

LONGEST_PATTERNS = 1000
"""Characters of all patterns together."""
_MOST_PATTERNS = 50


class WebhookRefused(RepomgrError):
    """A webhook can't be as it was written, or what is asked of it makes no sense; nothing was changed."""

    code = "webhook_refused"
    outcome = Outcome.REFUSED


class WebhookSecretLost(RepomgrError):
    """A webhook's secret can't be read any more: it was sealed with another SECRET_KEY."""

    code = "webhook_secret_lost"


def patterns_in(text: str) -> tuple[str, ...]:
    """Return the patterns of a text, which commas and blanks part.

    Raise `PatternRefused` for what is none, `WebhookRefused` for too many.
    """
    found = tuple(dict.fromkeys(checked_pattern(pattern) for pattern in parted(text)))
    if len(found) > _MOST_PATTERNS:
        raise WebhookRefused(f"{len(found)} patterns are named.", remedy=f"Name {_MOST_PATTERNS} at most; use *.")
    return found


def concerns(patterns: Collection[str], names: Collection[str] | None) -> bool:
    """Return whether an event about some names is one for these patterns, all where there are none.

    With None the event is about no name of this kind, and is for whoever hears of such; with names that are none at
    all, such as the packages of a publication that changed none, it is for those without patterns.
    """
    return not patterns or names is None or any(fits(name, each) for name in names for each in patterns)
