"""Events told: a row for each webhook that hears of one, in the transaction of what it tells of, so that none is lost.

Whoever makes something happen calls `tell` in the transaction that records it. Without a webhook that costs one query
by an index, and nothing is made of what happened. Sending is `send_webhooks`' work.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import structlog
from celery import current_app
from django.db import transaction
from django.utils import timezone

from packages_app.core.storable_text import storable_json
from packages_app.core.webhooks import concerns, patterns_in
from packages_app.models import Webhook, WebhookDelivery
from packages_app.services.archives import present_archive

_AT_ONCE = 500

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Happening:
    """One thing that happened: the facts that are told of it, and the names that patterns are held against.

    `packages` and `suites` are None where it is about none of that kind at all. What has a `matter` is told once in an
    archive, however often it is said: work that was interrupted says it again.
    """

    facts: Mapping[str, Any]
    packages: Collection[str] | None = None
    suites: Collection[str] | None = None
    matter: str = ""


def tell(event: Webhook.Event, happenings: Iterable[Happening]) -> int:
    """Tell webhooks of this archive of what happened; return how many messages are to be sent.

    `happenings` is not looked at where no webhook hears of such an event.
    """
    hearing = [webhook for webhook in Webhook.objects.filter(enabled=True) if event in webhook.events]
    if not hearing:
        return 0
    patterns = [(each, patterns_in(each.packages), patterns_in(each.suites)) for each in hearing]
    rows: list[WebhookDelivery] = []
    for one in happenings:
        wanted = [
            webhook
            for webhook, packages, suites in patterns
            if concerns(packages, one.packages) and concerns(suites, one.suites)
        ]
        rows += rows_for(event, one, wanted) if wanted else []
    if rows:
        WebhookDelivery.objects.bulk_create(rows, ignore_conflicts=True, batch_size=_AT_ONCE)
        transaction.on_commit(wake_sender)
    return len(rows)


def rows_for(event: Webhook.Event, happening: Happening, webhooks: Iterable[Webhook]) -> list[WebhookDelivery]:
    """Return a row for each webhook, not saved yet: the same message to all, by the same id."""
    slug, now = present_archive().slug, timezone.now()
    matter = f"{slug} {event} {happening.matter}"
    event_id = uuid5(NAMESPACE_URL, matter) if happening.matter else uuid4()
    said = {"type": str(event), "timestamp": iso(now), "data": {"archive": slug, **happening.facts}}
    payload = json.dumps(storable_json(said))
    return [
        WebhookDelivery(webhook=webhook, event_id=f"msg_{event_id.hex}", event=event, payload=payload, next_try=now)
        for webhook in webhooks
    ]


def iso(moment: datetime) -> str:
    """Return a moment as messages have it: ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def wake_sender() -> None:
    """Make a worker send at once; when the broker is away, the clock does within a minute of its return."""
    try:
        current_app.send_task("packages_app.tasks.send_webhooks")
    except Exception as error:  # whatever a broker's transport raises: the work that is told of is done
        log.warning("broker_away", task="send_webhooks", error=str(error))
