"""Webhooks: addresses that hear of events, and what was delivered to them."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from packages_app.core.webhooks import LONGEST_PATTERNS
from packages_app.models.of_archive import OfArchive


class Webhook(OfArchive):
    """An address of others, which is told of events.

    `events` are values of `Event`; `packages` and `suites` are patterns, "" for all. `sealed_secret` is what messages
    are signed with, and so are `old_secrets`, each {"sealed", "until"}, until then; it takes SECRET_KEY to read them.
    Nothing is sent before `next_turn`: while a worker is sending, and for a while after the receiver failed. `off_why`
    says why it was switched off by itself.
    """

    class Event(models.TextChoices):
        """What is told: the `type` of a message."""

        PUBLICATION_MADE = "publication.made", "publication made"
        PUBLICATION_HELD = "publication.held", "publication held back"
        VERSION_ADDED = "version.added", "new version taken in"
        VERSION_WITHDRAWN = "version.withdrawn", "version withdrawn"
        VERSION_PURGED = "version.purged", "version purged"
        VERSION_CONFLICT = "version.conflict", "version offered with other bytes"
        JOB_FAILED = "job.failed", "job failed"
        EXPIRY_NEAR = "expiry.near", "expiry near"
        TEST = "webhook.test", "test"

    name = models.CharField(max_length=64)
    address = models.CharField(max_length=1024)
    events = models.JSONField(default=list)
    packages = models.CharField(max_length=LONGEST_PATTERNS, blank=True)
    suites = models.CharField(max_length=LONGEST_PATTERNS, blank=True)
    enabled = models.BooleanField(default=True)
    sealed_secret = models.TextField(editable=False)
    old_secrets = models.JSONField(default=list, editable=False)
    secret_made = models.DateTimeField(default=timezone.now, editable=False)
    next_turn = models.DateTimeField(default=timezone.now, editable=False)
    off_why = models.TextField(blank=True, editable=False)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        """By name; one right for all that is done with them, and to look at them: an address may be a secret."""

        ordering = ("name", "pk")
        default_permissions = ()
        permissions = (("change_webhook", "Can see, add, change and remove webhooks, and send again"),)
        indexes = (models.Index(fields=("archive", "enabled"), name="webhook_by_state"),)

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(OfArchive):
    """One event for one webhook, written in the transaction of what it tells of.

    `event_id` is the message's `webhook-id`, the same at each try and for each webhook; `payload` is the body, ASCII.
    `next_try` is when it is due while it is waiting. `response_code` and `response` (its beginning), or `failure`, are
    of the last try, which was at `tried`.
    """

    class State(models.TextChoices):
        """Where it is."""

        WAITING = "waiting", "waiting"
        RECEIVED = "received", "received"
        GIVEN_UP = "given_up", "given up"

    # The database holds no row to its webhook: one that is removed at this moment must not keep a publication from
    # being recorded. Of a row whose webhook is gone nothing is sent or shown.
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries", db_constraint=False)
    event_id = models.CharField(max_length=64)
    event = models.CharField(max_length=32, choices=Webhook.Event.choices)
    payload = models.TextField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    tries = models.PositiveIntegerField(default=0)
    next_try = models.DateTimeField(default=timezone.now)
    created = models.DateTimeField(auto_now_add=True)
    tried = models.DateTimeField("last tried", null=True)
    received = models.DateTimeField(null=True)
    response_code = models.PositiveIntegerField(null=True)
    response = models.TextField(blank=True)
    failure = models.TextField(blank=True)

    class Meta:
        """Newest first; an event is told to a webhook once. Who may change webhooks sees them."""

        ordering = ("-created", "-id")
        default_permissions = ()
        constraints = (
            models.UniqueConstraint(fields=("archive", "webhook", "event_id"), name="one_delivery_an_event"),
        )
        indexes = (
            models.Index(fields=("archive", "state", "next_try"), name="webhook_delivery_due"),
            models.Index(fields=("archive", "-created", "-id"), name="webhook_delivery_by_time"),
        )
        verbose_name_plural = "webhook deliveries"

    def __str__(self) -> str:
        return f"{self.event} {self.event_id}"
