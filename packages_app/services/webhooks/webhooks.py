"""Webhooks made, changed and removed; tried by a test, and what was delivered sent again. The log says by `who`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from packages_app.core.webhooks import WebhookRefused, patterns_in
from packages_app.models import Notice, Webhook, WebhookDelivery
from packages_app.services.notices.notify import settle_notices
from packages_app.services.webhooks.secrets import OVERLAP, new_secret, sealed, still_good
from packages_app.services.webhooks.tell import Happening, rows_for, wake_sender
from packages_app.sources.exchange import is_web_address
from packages_app.sources.posting import check_target

CHANGE = "packages_app.change_webhook"
"""The right that all of it needs."""
EVENTS = tuple(event for event in Webhook.Event if event != Webhook.Event.TEST)
"""What a webhook may hear of; a test is sent to one that is named."""

_MOST_OLD = 4

log = structlog.get_logger(__name__)


def check_address(address: str) -> None:
    """Raise `UpstreamError` for an address that nothing is sent to, `WebhookRefused` for one with a password in it."""
    if is_web_address(address) and "@" in urlsplit(address).netloc:
        raise WebhookRefused(
            "The address has a user or password in it.",
            remedy="Leave it out: the signature says who sends. A secret may stand in the path.",
        )
    check_target(address, settings.PRIVATE_UPSTREAMS)


def check_name(name: str, webhook: Webhook) -> None:
    """Raise `WebhookRefused` for the name of another webhook."""
    if any(other != webhook for other in Webhook.objects.filter(name=name)):
        raise WebhookRefused(f"There is a webhook {name} already.", remedy="Give this one another name.")


def check_patterns(text: str) -> str:
    """Return patterns as a row keeps them; raise as `patterns_in`."""
    return ", ".join(patterns_in(text))


def make_webhook(webhook: Webhook, *, who: str = "") -> str:
    """Save a new webhook; return its secret, which is shown this once."""
    secret = new_secret()
    webhook.sealed_secret, webhook.secret_made = sealed(secret), timezone.now()
    webhook.save()
    log.info("webhook_made", webhook=webhook.name, events=webhook.events, user=who)
    return secret


def change_webhook(webhook: Webhook, changed: Collection[str], *, who: str = "") -> None:
    """Save the fields of a webhook that a person has changed, by their names: what the sender writes stays.

    One that is switched on has its turn at once, and its notice is over; so is that of one that is switched off.
    """
    fields = set(changed)
    if "enabled" in fields:
        webhook.off_why, webhook.next_turn = "", timezone.now()
        fields |= {"off_why", "next_turn"}
    before = Webhook.objects.filter(pk=webhook.pk).values_list("name", flat=True).first()
    if fields:
        webhook.save(update_fields=fields)
    if fields & {"enabled", "name"} and before:
        settle_notices(Notice.Kind.WEBHOOK_FAILED, before)
    log.info("webhook_changed", webhook=webhook.name, fields=sorted(fields), user=who)


def remove_webhook(webhook: Webhook, *, who: str = "") -> None:
    """Remove a webhook, with what was delivered to it."""
    settle_notices(Notice.Kind.WEBHOOK_FAILED, webhook.name)
    name = webhook.name
    webhook.delete()
    log.info("webhook_removed", webhook=name, user=who)


def change_secret(webhook: Webhook, *, at_once: bool = False, who: str = "") -> str:
    """Give a webhook a new secret; return it, which is shown this once.

    Messages are signed with the old ones too, each for `OVERLAP`, unless they are to end `at_once`.
    """
    secret, now = new_secret(), timezone.now()
    with transaction.atomic():
        row = Webhook.objects.select_for_update().get(pk=webhook.pk)
        old = [{"sealed": row.sealed_secret, "until": (now + OVERLAP).isoformat()}, *still_good(row, now)]
        row.old_secrets = [] if at_once else old[:_MOST_OLD]
        row.sealed_secret, row.secret_made = sealed(secret), now
        row.save(update_fields=["sealed_secret", "secret_made", "old_secrets"])
    log.info("webhook_secret_changed", webhook=webhook.name, old_ends_at_once=at_once, user=who)
    return secret


def send_test(webhook: Webhook, *, who: str = "") -> WebhookDelivery:
    """Send a webhook a test, whatever it hears of; raise `WebhookRefused` for one that is switched off."""
    _require_on(webhook)
    facts = {"text": f"A test of the webhook {webhook.name}."}
    [row] = rows_for(Webhook.Event.TEST, Happening(facts), [webhook])
    row.save()
    log.info("webhook_tested", webhook=webhook.name, event_id=row.event_id, user=who)
    _wake_for(webhook)
    return row


def send_again(delivery: WebhookDelivery, *, who: str = "") -> None:
    """Send a message once more, by the same id, with all its tries anew; raise `WebhookRefused` as `send_test`."""
    _require_on(delivery.webhook)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        state=WebhookDelivery.State.WAITING, tries=0, next_try=timezone.now(), received=None, failure=""
    )
    log.info("webhook_sent_again", webhook=delivery.webhook.name, event_id=delivery.event_id, user=who)
    _wake_for(delivery.webhook)


def _require_on(webhook: Webhook) -> None:
    if not webhook.enabled:
        raise WebhookRefused(
            f"The webhook {webhook.name} is switched off: nothing is sent to it.", remedy="Switch it on first."
        )


def _wake_for(webhook: Webhook) -> None:
    """Let a webhook that rests after a failure have its turn now, unless a worker is sending, and wake a worker."""
    now = timezone.now()
    Webhook.objects.filter(pk=webhook.pk, next_turn__lte=now + timedelta(minutes=1)).update(next_turn=now)
    transaction.on_commit(wake_sender)
