"""Tickets of uploads in parts: signed, kept by who sends, so that nothing of an upload is in the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core import signing

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome

TICKET_SECONDS = 12 * 3600


class TicketRefused(RepomgrError):
    """A ticket that we did not give to who shows it for this archive, or that was altered."""

    code = "upload_ticket_refused"
    outcome = Outcome.REFUSED


class TicketExpired(RepomgrError):
    """A ticket whose time is over."""

    code = "upload_ticket_expired"
    outcome = Outcome.REFUSED


def give_ticket(said: Mapping[str, Any], whose: Mapping[str, Any], *, purpose: str) -> str:
    """Return a ticket that says this to `whose` alone, for some hours."""
    return signing.dumps({**said, "whose": dict(whose)}, salt=purpose, compress=True)


def read_ticket(ticket: str, whose: Mapping[str, Any], *, purpose: str, again: str) -> dict[str, Any]:
    """Return what a ticket says; raise `TicketExpired`, and `TicketRefused`, whose remedy is `again`."""
    try:
        said: dict[str, Any] = signing.loads(ticket, salt=purpose, max_age=TICKET_SECONDS)
    except signing.SignatureExpired as error:
        raise TicketExpired("The time for this upload is over.", remedy="Send the file again.") from error
    except signing.BadSignature as error:
        raise _refused(again) from error
    if said.pop("whose", None) != whose:
        raise _refused(again)
    return said


def _refused(again: str) -> TicketRefused:
    return TicketRefused("This upload is not one of yours here.", remedy=again)
