"""Webhooks for tests: made as the admin makes them, and what is delivered to them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.db.models import F

from packages_app.models import Webhook, WebhookDelivery
from packages_app.services.webhooks.webhooks import EVENTS, make_webhook
from packages_app.sources.posting import PostLimits

SHORT = PostLimits(connect=1, read=1, overall=0.5)


def hook(address: str = "https://hooks.example.org/x", *events: Webhook.Event, **fields: Any) -> tuple[Webhook, str]:
    """Make a webhook that hears of these events, of all where none is named; gives it with its secret."""
    webhook = Webhook(**{"name": "ci", "address": address, "events": list(events or EVENTS), **fields})
    return webhook, make_webhook(webhook)


def told(event: Webhook.Event | None = None) -> list[dict[str, Any]]:
    """Give the data of what was told, oldest first; of every event with its type."""
    rows = WebhookDelivery.objects.order_by("pk")
    if event is not None:
        return [json.loads(row.payload)["data"] for row in rows.filter(event=event)]
    return [json.loads(row.payload) for row in rows]


def let_pass(**time: float) -> None:
    """Let all that waits for its time have waited so long."""
    past = timedelta(**time)
    WebhookDelivery.objects.update(next_try=F("next_try") - past, tried=F("tried") - past)
    Webhook.objects.update(next_turn=F("next_turn") - past)
