"""Tokens near their end: a week before people are told of those in use; that is over when a token is."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F
from django.utils import timezone

from packages_app.models import AccessToken, Notice
from packages_app.services.notices.notify import notify, settle_all_but

TOLD_BEFORE = timedelta(days=7)


def watch_tokens() -> list[str]:
    """Raise a notice for each token in use that ends within a week, settle the others; return what was told of.

    Those that were never used, and those that are made for a week or less, end unsaid.
    """
    now = timezone.now()
    ending = AccessToken.objects.filter(revoked=None, expires__gt=now, expires__lte=now + TOLD_BEFORE)
    used = ending.filter(last_used__isnull=False).exclude(expires__lte=F("made") + TOLD_BEFORE)
    told = []
    for token in used.select_related("owner"):
        subject = f"{token} {token.pk}"
        owner = token.owner.get_username() if token.owner is not None else "no person"
        notify(
            Notice.Kind.TOKEN_ENDS,
            subject,
            f"The token {token} of {owner} ends on {token.expires:%Y-%m-%d %H:%M} UTC, and is in use.",
            level="warning",
            remedy="Make another one in the admin, under Tokens, and put it where this one is used.",
        )
        told.append(subject)
    settle_all_but(Notice.Kind.TOKEN_ENDS, told)
    return told
