"""Rows that nobody asks for any more go, once a day: publications, decided candidates, conflicts, tokens, sessions.

Jobs and notices are forgotten by what wakes and sends them, each minute. How long each stays is set.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, Q, QuerySet

from packages_app.models import (
    AccessToken,
    AnsweredRequest,
    Conflict,
    HeldCandidate,
    Publication,
    SpentIdentity,
    WebhookDelivery,
)
from packages_app.services import adapters
from packages_app.services.audit.write import write

_AT_ONCE = 500
"""Rows that are read and removed together: what it costs in memory does not grow with what has gathered."""
_DECIDED = (HeldCandidate.State.PUBLISHED, HeldCandidate.State.REJECTED, HeldCandidate.State.OUTDATED)
ANSWERED_KEPT = timedelta(days=2)
"""A client that sends a request again does so within hours."""

log = structlog.get_logger(__name__)


def remove_old_rows(now: datetime | None = None) -> dict[str, int]:
    """Remove what is older than HISTORY_KEPT_DAYS, and sessions that are over; return how many rows went, by kind.

    Webhook deliveries stay for NOTICES_KEPT_DAYS, whatever became of them. Each suite's newest publication and pinned
    ones stay whatever their age, and so does what waits for a person. Raise what staging raises, where the objects with
    a publication's whole lists are: each goes before its row.
    """
    now = now or adapters.now()
    old, told = (now - timedelta(days=days) for days in (settings.HISTORY_KEPT_DAYS, settings.NOTICES_KEPT_DAYS))
    later = Publication.objects.filter(suite=OuterRef("suite"), pk__gt=OuterRef("pk"))
    gone = {
        "publications": _remove_publications(
            Publication.objects.filter(Exists(later), published_at__lt=old, pinned=False)
        ),
        "candidates": _remove(HeldCandidate.objects.filter(state__in=_DECIDED, seen__lt=old)),
        "webhook_deliveries": _remove(WebhookDelivery.objects.filter(created__lt=told)),
        "conflicts": _remove(Conflict.objects.filter(settled=True, seen__lt=old)),
        "tokens": _remove(AccessToken.objects.filter(Q(revoked__lt=old) | Q(expires__lt=old))),
        "sessions": _remove(Session.objects.filter(expire_date__lt=now)),
        "failed_logins": _remove(AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME)),
    }
    gone["answered_requests"] = _remove(AnsweredRequest.objects.filter(came__lt=now - ANSWERED_KEPT))
    gone["spent_identities"] = _remove(SpentIdentity.objects.filter(expires__lt=now))
    if any(gone.values()):
        log.info("old_rows_removed", **gone)
        write("old_rows.remove", after=gone)
    return gone


def _remove(rows: QuerySet[Any]) -> int:
    removed = 0
    while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        rows.model._default_manager.filter(pk__in=keys).delete()
        removed += len(keys)
    return removed


def _remove_publications(rows: QuerySet[Publication]) -> int:
    """Remove publications, and the objects of their lists that no other row names."""
    removed = 0
    while some := list(rows.order_by("pk").values_list("pk", "lists_key")[:_AT_ONCE]):
        keys = [pk for pk, _ in some]
        named = {lists_key for _, lists_key in some if lists_key}
        stays = Publication.objects.filter(lists_key__in=named).exclude(pk__in=keys).values_list("lists_key", flat=True)
        for lists_key in sorted(named - set(stays)):
            adapters.staging().delete(lists_key)
        Publication.objects.filter(pk__in=keys).delete()
        removed += len(keys)
    return removed
