"""How often machines may ask: of each token, and of each address for requests without one that counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.conf import settings
from django.http import HttpRequest

from packages_app.core.archive import entered_slug
from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.services.rights.token_text import digest_of_secret
from repomgr.login import client_address, counted_address
from repomgr.rates import AtOnce, Rate, Runs

_UPLOAD_SECONDS = 5
"""When an upload ends nobody knows; most take no longer."""

log = structlog.get_logger(__name__)
_of_strangers, _of_tokens, _refused_tokens = Rate(), Rate(), Rate()
_uploads, _runs = AtOnce(), Runs()


class TooManyRequests(RepomgrError):
    """A machine asks more often than it may, or uploads more at once; `retry_after` seconds later it may ask again."""

    code = "too_many_requests"
    outcome = Outcome.TRY_AGAIN

    def __init__(self, message: str, retry_after: int, setting: str) -> None:
        super().__init__(message, remedy=f"Wait {retry_after} s (Retry-After). {setting} sets the bound.")
        self.retry_after = retry_after


def check_stranger(request: HttpRequest) -> None:
    """Count a request that shows no token; raise `TooManyRequests`."""
    address = counted_address(request) or ""
    if seconds := _of_strangers.spend(address, settings.API_REQUESTS_A_MINUTE):
        raise _refused(request, address, seconds, "API_REQUESTS_A_MINUTE", "requests without a token, from here")


def check_unlooked(request: HttpRequest, secret: str) -> None:
    """Raise `TooManyRequests` for a token that need not be looked up to be refused.

    That is one whose requests were too many already, and any of an address that showed too many that do not count. But
    one that counted here lately is looked up also then: who guesses stops nobody who shares his address.
    """
    key, address = _key(secret), counted_address(request) or ""
    if key in _of_tokens:
        if _runs.goes_on(f"API_REQUESTS_A_MINUTE {key}"):  # its first refusal is its owner's, who is looked up
            _check_seconds(request, key, _of_tokens.seconds(key, settings.API_REQUESTS_A_MINUTE))
    elif seconds := _refused_tokens.seconds(address, settings.API_REFUSED_TOKENS_A_MINUTE):
        raise _refused(request, address, seconds, "API_REFUSED_TOKENS_A_MINUTE", "tokens that do not count, from here")


def count_refused_token(request: HttpRequest, secret: str) -> None:
    """Count a token that was looked up and does not count, or does no more."""
    _of_tokens.forget(_key(secret))
    _refused_tokens.spend(counted_address(request) or "", settings.API_REFUSED_TOKENS_A_MINUTE)


def check_token(request: HttpRequest, secret: str) -> None:
    """Count a request by a token that counts; raise `TooManyRequests`."""
    key = _key(secret)
    _check_seconds(request, key, _of_tokens.spend(key, settings.API_REQUESTS_A_MINUTE))


def _check_seconds(request: HttpRequest, key: str, seconds: int) -> None:
    if seconds:
        raise _refused(request, key, seconds, "API_REQUESTS_A_MINUTE", "requests by this token")


@contextmanager
def one_upload(request: HttpRequest, secret: str) -> Iterator[None]:
    """Let the block be an upload by a token; raise `TooManyRequests` where too many of it are at work."""
    key = _key(secret)
    with _uploads.one(key, settings.API_UPLOADS_AT_ONCE) as may:
        if not may:
            raise _refused(request, key, _UPLOAD_SECONDS, "API_UPLOADS_AT_ONCE", "uploads at once by this token")
        yield


def _key(secret: str) -> str:
    return f"{entered_slug()}:{digest_of_secret(secret)}"


def _refused(request: HttpRequest, key: str, seconds: int, setting: str, what: str) -> TooManyRequests:
    """Return the refusal; of a run of them the first alone is logged, and has a line in the audit trail."""
    if _runs.begins(f"{setting} {key}"):
        log.warning("machine_limited", setting=setting, address=client_address(request))
    else:
        request.goes_on_refused = True  # type: ignore[attr-defined]
    return TooManyRequests(f"Too many {what}: {setting} is {getattr(settings, setting)}.", seconds, setting)
