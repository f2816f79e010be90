"""What a session notes of its sign-in, and what is asked anew of one that is no longer fresh.

Keys, purges and rights are for who has just shown a password or a second factor: a browser left open does not do them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.services import adapters

NOTE = "repomgr_sign_in"
_LONGEST_BROWSER = 300


class StaleSignIn(RepomgrError):
    """What is asked for needs a password or a second factor that was shown just now."""

    code = "stale_sign_in"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class SignIn:
    """A sign-in: when, from which address and by which browser, when that was last proved (seconds since 1970)."""

    at: float
    address: str
    browser: str
    proved: float
    second: bool = False
    """Whether a second factor was shown, or was set up in this session."""

    @property
    def since(self) -> datetime:
        """Return when it began, in UTC."""
        return datetime.fromtimestamp(self.at, UTC)


def note_of(session: SessionBase | dict[str, object]) -> SignIn | None:
    """Return what a session, or what one holds, notes of its sign-in; None where it notes nothing."""
    kept = session.get(NOTE)
    return SignIn(**kept) if isinstance(kept, dict) else None


def note_sign_in(
    request: HttpRequest, address: str | None, *, second: bool = False, proved: float | None = None
) -> None:
    """Note in the session of a request that somebody has signed in now, and when he proved who he is if before."""
    now = adapters.now().timestamp()
    browser = request.META.get("HTTP_USER_AGENT", "")[:_LONGEST_BROWSER]
    _keep(request, SignIn(now, address or "", browser, now if proved is None else min(proved, now), second))


def note_proof(request: HttpRequest, *, second: bool = False) -> None:
    """Note that who is signed in has just shown a password, or a second factor."""
    noted = note_of(request.session)
    if noted is None:
        raise ValueError("A session that notes no sign-in can't be proved again.")
    _keep(request, replace(noted, proved=adapters.now().timestamp(), second=noted.second or second))


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; raise `PermissionDenied` where nobody is."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def require_fresh(request: HttpRequest) -> None:
    """Raise `StaleSignIn` where the last password or second factor of a session is older than FRESH_MINUTES.

    To be asked after the right itself, so that nobody confirms what he may not do anyway.
    """
    noted, now = note_of(request.session), adapters.now()
    oldest = now - timedelta(minutes=settings.FRESH_MINUTES)
    if noted is None or not oldest.timestamp() <= noted.proved <= now.timestamp():
        raise StaleSignIn(
            f"This needs a password or second factor of the last {settings.FRESH_MINUTES} minutes.",
            remedy="Confirm that it is you, then do it again.",
        )


def _keep(request: HttpRequest, noted: SignIn) -> None:
    request.session[NOTE] = asdict(noted)
