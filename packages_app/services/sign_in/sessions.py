"""Sessions that are signed in: which there are, and their end. A session that is gone is out with its next request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.utils.crypto import constant_time_compare, salted_hmac

from packages_app.services import adapters
from packages_app.services.sign_in.browsers import browser_named
from packages_app.services.sign_in.note import SignIn, note_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OpenSession:
    """A session that is signed in. Its handle names it on a page; its key would open it, and stays here."""

    handle: str
    user: User
    noted: SignIn | None
    until: datetime
    is_this: bool

    @property
    def browser(self) -> str:
        """Return the browser's name."""
        return browser_named(self.noted.browser) if self.noted is not None else "unknown"


def open_sessions(this: str | None, *, of: User | None = None) -> list[OpenSession]:
    """Return the sessions of a user, or of all, by user name, newest sign-in first; `this` is the asker's own key."""
    found = [
        OpenSession(handle_of(row.session_key), user, note_of(data), row.expire_date, row.session_key == this)
        for row, user, data in _signed_in(of)
    ]
    return sorted(found, key=lambda one: (one.user.username, -one.noted.at if one.noted is not None else 0))


def end_session(handle: str, *, by: User) -> bool:
    """End the session of a handle: one's own, or a superuser anybody's; return whether there was one to end."""
    for row, user, _ in _signed_in(None if by.is_superuser else by):
        if constant_time_compare(handle_of(row.session_key), handle):
            row.delete()
            log.info("session_ended", user=user.username, by=by.username)
            return True
    return False


def end_sessions(user: User, *, by: str, but: str | None = None) -> int:
    """End all sessions of a user, but for the one of a key; return how many.

    A sign-in of his that waits for his second factor ends too.
    """
    keys = [row.session_key for row, _, _ in _signed_in(user) if row.session_key != but]
    Session.objects.filter(pk__in={*keys, *_waiting(user)} - {but}).delete()
    if keys:
        log.info("sessions_ended", user=user.username, by=by, sessions=len(keys))
    return len(keys)


def handle_of(key: str) -> str:
    """Return the name of a session on pages, which opens nothing."""
    return salted_hmac("packages_app.sign_in.sessions", key, algorithm="sha256").hexdigest()[:32]


def _signed_in(of: User | None) -> Iterator[tuple[Session, User, dict[str, object]]]:
    """Give each session that is signed in, its user and what it holds: one whose password was changed is none."""
    users = {str(user.pk): user for user in ([of] if of is not None else User.objects.filter(is_active=True))}
    for row in Session.objects.filter(expire_date__gt=adapters.now()).iterator():
        data = row.get_decoded()
        user = users.get(str(data.get(SESSION_KEY)))
        if user is None or BACKEND_SESSION_KEY not in data:
            continue
        if constant_time_compare(str(data.get(HASH_SESSION_KEY)), user.get_session_auth_hash()):
            yield row, user, data


def _waiting(user: User) -> Iterator[str]:
    """Give the key of each session that a user's second factor is asked for in: nobody is signed in there yet."""
    if not settings.SIGN_IN_APPS:
        return
    from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
    from allauth.account.utils import user_pk_to_url_str

    for row in Session.objects.filter(expire_date__gt=adapters.now()).iterator():
        waits = row.get_decoded().get(LOGIN_SESSION_KEY)
        if isinstance(waits, dict) and waits.get("user_pk") == user_pk_to_url_str(user):
            yield row.session_key
