"""Requests that are sent again: who names them by a key gets the first answer, and the work is asked for once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from packages_app.core.errors import PackageRefused
from packages_app.models import AnsweredRequest
from packages_app.services.rights.shown_token import shown_token

LONGEST_KEY = 255
_GIVEN_UP = timedelta(minutes=15)
"""One that is not answered for so long is answered no more: its process has ended. None works at a request so long."""


class KeyReused(PackageRefused):
    """An Idempotency-Key was used for another request."""

    code = "key_reused"


class KeyInUse(PackageRefused):
    """The request of this Idempotency-Key is not answered yet."""

    code = "key_in_use"


@dataclass(frozen=True)
class Answer:
    """What was answered: a status of HTTP and a body of JSON; `digest` is of the request that it answers."""

    status: int
    body: str
    digest: str


def begin(key: str, digest: str) -> Answer | None:
    """Note that a request of the shown token is at work; return the answer that its key got before, None for a new one.

    `digest` tells it from others, as far as it is known before it is read whole (`require_same`). Raise `KeyInUse`, and
    `PackageRefused` for a key that is none.
    """
    if not key.isascii() or not key.isprintable() or not 0 < len(key) <= LONGEST_KEY:
        raise PackageRefused("The Idempotency-Key is no key.", remedy=f"Send up to {LONGEST_KEY} letters of ASCII.")
    try:
        with transaction.atomic():
            AnsweredRequest.objects.create(token_id=_token(), key=key, digest=digest)
    except IntegrityError:
        return _before(key, digest)
    return None


def _before(key: str, digest: str) -> Answer | None:
    now, rows = timezone.now(), AnsweredRequest.objects.filter(token_id=_token(), key=key)
    known = rows.first()
    if known is not None and known.status:
        return Answer(known.status, known.body, known.digest)
    if rows.filter(status=0, came__lt=now - _GIVEN_UP).update(came=now, digest=digest):
        return None
    raise KeyInUse("The request of this Idempotency-Key is at work.", remedy="Send it again in some seconds.")


def require_same(answer: Answer, digest: str) -> None:
    """Raise `KeyReused` where an answer is one to another request than that of this digest."""
    if answer.digest != digest:
        raise KeyReused("The Idempotency-Key was sent with another request.", remedy="Make a new one for each.")


def end(key: str, answer: Answer | None) -> None:
    """Keep the answer to a request that `begin` noted; None forgets it, so that it may be tried again."""
    row = AnsweredRequest.objects.filter(token_id=_token(), key=key)
    if answer is None:
        row.delete()
    else:
        row.update(status=answer.status, body=answer.body, digest=answer.digest)


def _token() -> int:
    token = shown_token()
    if token is None:
        raise PackageRefused("An Idempotency-Key is a token's.", remedy="Show a token.")
    return token.number
