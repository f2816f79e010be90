"""GitHub's rate limits: until when it wants to be left alone, remembered for every worker.

"Rate limits for the REST API": 60 requests an hour for an address, 5,000 for a token; an answer 403 or 429 names the
end in `retry-after` (seconds) or `x-ratelimit-reset` (seconds since the epoch), or a minute is to pass.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from packages_app.core.errors import UpstreamUnavailable
from packages_app.core.ports import Clock
from packages_app.core.source_tokens import setting_for
from packages_app.sources.answers import AnswerCache, KeptAnswer
from packages_app.sources.exchange import Answer

_LEAST = timedelta(minutes=1)
_MOST = timedelta(days=1)
"""A reset further away than this is an error of the server's clock or of ours, and must not silence checks for ever."""


class RateLimit:
    """What is known of the limit at one API for one token."""

    def __init__(self, api: str, token: str, cache: AnswerCache, clock: Clock) -> None:
        # Another token has a limit of its own. The key must not give the token away.
        who = hashlib.sha256(token.encode()).hexdigest()[:16] if token else "without-token"
        self._key = f"{api}#rate-limit-{who}"
        self._api = api
        self._token = bool(token)
        self._cache = cache
        self._clock = clock

    def check_free(self) -> None:
        """Raise `UpstreamUnavailable` while the time that GitHub named is not over."""
        kept = self._cache.get(self._key)
        if kept is None or not kept.body.isdigit():
            return
        until = _moment(kept.body.decode("ascii"))
        if until is not None and self._clock() < until <= self._clock() + _MOST:
            raise self._error(until)

    def check_answer(self, answer: Answer) -> None:
        """Remember the time and raise `UpstreamUnavailable` when an answer says that the limit is reached."""
        until = _limited_until(answer, self._clock())
        if until is None:
            return
        self._cache.put(self._key, KeptAnswer("rate-limit", f"{until.timestamp():.0f}".encode(), {}))
        raise self._error(until)

    def _error(self, until: datetime) -> UpstreamUnavailable:
        wait = f"Wait until {until:%H:%M:%S} UTC"
        more = "; check less often" if self._token else f"; a token in {setting_for(self._api)} raises the limit"
        return UpstreamUnavailable(
            f"{self._api} has reached its rate limit and is not asked again until {until:%Y-%m-%d %H:%M:%S} UTC.",
            remedy=f"{wait}{more}.",
        )


def requests_left(headers: Mapping[str, str]) -> str:
    """Return `4987 of 5000 requests are left until 2026-01-02 03:04:05 UTC`, or "" where the headers don't say."""
    left, limit = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-limit", "")
    if not left.isdigit() or not limit.isdigit():
        return ""
    until = _moment(headers.get("x-ratelimit-reset", ""))
    return f"{left} of {limit} requests are left" + (f" until {until:%Y-%m-%d %H:%M:%S} UTC" if until else "")


def _limited_until(answer: Answer, now: datetime) -> datetime | None:
    """Return when to ask again, to the second, or None when an answer is about something else."""
    if answer.status not in (HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS):
        return None
    named = [_retry_after(answer.headers.get("retry-after", ""), now)]
    spent = answer.headers.get("x-ratelimit-remaining") == "0"
    if spent:
        named.append(_moment(answer.headers.get("x-ratelimit-reset", "")))
    moments = [moment for moment in named if moment is not None]
    said = answer.status == HTTPStatus.TOO_MANY_REQUESTS or spent or b"rate limit" in answer.body.lower()
    if not moments and not said:
        return None
    until = max(moments, default=now + _LEAST)
    if until <= now:  # our clock is ahead of GitHub's
        until = now + _LEAST
    return min(until, now + _MOST).replace(microsecond=0)


def _retry_after(text: str, now: datetime) -> datetime | None:
    """Read a number of seconds or a date (RFC 9110, 10.2.3)."""
    if text.isascii() and text.isdigit():
        return now + timedelta(seconds=min(float(text), _MOST.total_seconds()))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(epoch: str) -> datetime | None:
    if not epoch.isascii() or not epoch.isdigit():
        return None
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError):
        return None
