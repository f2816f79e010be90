"""Answers of an identity provider, each of which counts once, whichever host it is shown to.

One comes by a request of the provider's page, with which no browser sends the cookie of our session. It is checked,
kept here, and taken up by the browser's next request, which has the cookie. What is kept lies among the sessions, under
a name that nobody can show as a session's, until the answer counts no longer; it is emptied when it is taken.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils.crypto import salted_hmac

from packages_app.services import adapters
from packages_app.services.sign_in.single_sign_on import LEEWAY_SECONDS

_LONGEST_SECONDS = 24 * 3600
"""An answer that says it counts for longer is kept no longer: what it answers was asked in the last ten minutes."""
_PLACE = "packages_app.sign_in.saml_once"


def keep(assertion: str, said: dict[str, Any], until: float) -> str | None:
    """Keep what an assertion says until it counts no longer (seconds since 1970), or a day; return a name to take it.

    None where it was shown before.
    """
    name = _made_of("name", assertion)
    until = min(until, adapters.now().timestamp() + _LONGEST_SECONDS)
    values = {
        "session_data": SessionStore().encode(said),
        "expire_date": datetime.fromtimestamp(until, UTC) + timedelta(seconds=LEEWAY_SECONDS),
    }
    _, made = Session.objects.get_or_create(session_key=_made_of("row", name), defaults=values)
    return name if made else None


def take(name: str) -> dict[str, Any] | None:
    """Return what was kept under a name, once; None for what was never kept, was taken, or counts no longer."""
    with transaction.atomic():
        rows = Session.objects.select_for_update()
        row = rows.filter(session_key=_made_of("row", name), expire_date__gt=adapters.now()).first()
        said: dict[str, Any] = row.get_decoded() if row is not None else {}
        if row is not None:
            row.session_data = SessionStore().encode({})
            row.save(update_fields=["session_data"])
    return said or None


def _made_of(use: str, value: str) -> str:
    return salted_hmac(f"{_PLACE}.{use}", value, algorithm="sha256").hexdigest()[:40]
