"""Jobs: what a person or the clock asked for, and how far it is (docs/ARCHITECTURE.md, Jobs)."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from packages_app.core.audit import Actor, ActorKind
from packages_app.core.errors import outcome_of
from packages_app.core.outcome import Outcome
from packages_app.models.access_token import AccessToken
from packages_app.models.of_archive import OfArchive


class Job(OfArchive):
    """One piece of work. Celery only wakes a worker; this row is what counts.

    `steps` is a list of {"name", "detail", "state": running|done|failed|interrupted, "began", "ended", "done",
    "total", "notes": [{"level", "text"}]}. `heartbeat` is renewed while a worker has the job; a running job gone
    silent is woken. One that waits is woken at `wake_at`, and has been so `wakes` times since it was queued.
    """

    class Kind(models.TextChoices):
        """What is done."""

        SYNC = "sync_packages", "check upstream"
        UPLOAD = "intake_upload", "take in an upload"
        BUILD = "build_bootstrap", "build a bootstrap package"
        PUBLISH = "publish", "publish"
        FORCE_REBUILD = "force_rebuild", "force rebuild"
        REFRESH = "refresh_signatures", "renew signatures"
        RECONCILE = "reconcile_mirror", "reconcile the mirror"
        VERIFY = "verify_repository", "verify the repository"
        REPAIR = "repair_repository", "repair the repository"
        SWEEP = "sweep", "sweep"
        MOVE = "move", "move between suites"
        ROLL_BACK = "roll_back", "roll back"
        RETAIN = "retain", "retain"
        PROMOTE = "promote_by_policy", "promote by policy"
        PURGE = "purge", "purge"
        SNAPSHOT = "snapshot", "snapshot"
        KEYS = "keys", "signing keys"
        ADOPT = "adopt_repository", "adopt a repository"

    class State(models.TextChoices):
        """Where it is in its life."""

        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    ENDED: ClassVar = (State.DONE, State.FAILED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    arguments = models.JSONField(default=dict)
    # What of the same kind and subject waits already is not asked for twice (publications fold into the next).
    subject = models.CharField(max_length=255, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    # The system user whose command asked for it, or the name of the token by which it was asked for.
    requested_as = models.CharField(max_length=128, blank=True)
    # What who asked might do then (`core.rights`), null for everything; and the token that he showed.
    rights = models.JSONField(null=True)
    token = models.ForeignKey(AccessToken, null=True, on_delete=models.SET_NULL)
    # Who asked, as he was called then: his user may go. From where: an address, or the host of a command.
    asker_kind = models.CharField(max_length=16, blank=True, default="")
    asker_name = models.CharField(max_length=255, blank=True, default="")
    asked_from = models.CharField(max_length=255, blank=True, default="")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    steps = models.JSONField(default=list)
    result = models.JSONField(default=dict)
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)
    created = models.DateTimeField(auto_now_add=True)
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    heartbeat = models.DateTimeField(null=True)
    wake_at = models.DateTimeField(default=timezone.now)
    wakes = models.PositiveIntegerField(default=0)

    class Meta:
        """Newest first."""

        ordering = ("-created",)
        constraints = (
            models.UniqueConstraint(
                fields=("archive", "kind", "subject"),
                condition=models.Q(state="queued") & ~models.Q(subject=""),
                name="one_queued_job_a_subject",
            ),
        )
        indexes = (
            models.Index(fields=("archive", "state", "heartbeat"), name="job_by_state"),
            models.Index(fields=("archive", "-created"), name="job_by_age"),
            models.Index(fields=("archive", "ended"), name="job_by_end"),
            models.Index(fields=("archive", "wake_at"), condition=models.Q(state="queued"), name="queued_job_by_wake"),
        )

    @property
    def actor(self) -> Actor:
        """Return who asked for it, also when his user is gone; of a job of an earlier release what its row tells."""
        number = str(self.requested_by_id or "")
        if self.asker_kind:
            number = str(self.token_id or "") if self.asker_kind in (ActorKind.TOKEN, ActorKind.PUBLISHER) else number
            return Actor(ActorKind(self.asker_kind), self.asker_name, self.asked_from, number)
        if self.requested_by is not None:
            return Actor(ActorKind.PERSON, self.requested_by.get_username(), "", number)
        if self.requested_as:
            return Actor(ActorKind.COMMAND, self.requested_as, "a host that was not kept")
        return Actor(ActorKind.CLOCK, "clock or command")

    @property
    def asker(self) -> str:
        """Return who asked for it, for people: a user's name, `USER on HOST (command)`, or the clock."""
        return str(self.actor)

    @property
    def outcome(self) -> Outcome | None:
        """Return what the error of a failed job means for who asked; None for one that has not failed."""
        return outcome_of(self.error_code) if self.state == self.State.FAILED else None

    def __str__(self) -> str:
        about = f" {self.subject}" if self.subject else ""
        return f"{self.get_kind_display()}{about}"
