"""Held candidates: publications that were made, found suspicious, and wait for a person's word."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from packages_app.models.of_archive import OfArchive


class HeldCandidate(OfArchive):
    """A candidate that was not published, and why.

    `findings` is a list of {"code", "text", "remedy", "items", "count"}: `vanished` (packages whose records are gone),
    `missing` (pool files that are not there), `identity` (fields of Release that would change), the codes of cautions
    (what new packages would do to clients), and those about the place that it is to take (`publishing/place.py`).
    `codes` are theirs, in their order. `digest` is a hash of the findings: an approval holds for just these. `added`
    and `removed` are what clients would see (`name version architecture`). Items and packages are the first hundred
    here, counts tell of all, and where there are more `HeldLists` has them whole. `decided_by` is who decided in the
    admin, `decided_as` the system user whose command did.
    """

    class State(models.TextChoices):
        """Whether somebody has decided."""

        WAITING = "waiting", "waiting for approval"
        APPROVED = "approved", "approved"
        PUBLISHED = "published", "published"
        REJECTED = "rejected", "rejected"
        OUTDATED = "outdated", "outdated"

    suite = models.CharField(max_length=64)
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    findings = models.JSONField()
    codes = models.JSONField(default=list)
    digest = models.CharField(max_length=64)
    added = models.JSONField(default=list)
    removed = models.JSONField(default=list)
    added_count = models.PositiveIntegerField("packages that would come", default=0)
    removed_count = models.PositiveIntegerField("packages that would go", default=0)
    packages = models.PositiveIntegerField("packages it would have")
    approvable = models.BooleanField(default=True)
    created = models.DateTimeField("first seen", auto_now_add=True)
    seen = models.DateTimeField("last seen")
    decided = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    decided_as = models.CharField(max_length=128, blank=True)
    # Who decided, as he was called then: his user may go.
    decider_name = models.CharField(max_length=255, blank=True, default="")
    job = models.ForeignKey("packages_app.Job", null=True, on_delete=models.SET_NULL, related_name="held_candidates")

    class Meta:
        """Newest first; one that waits a suite."""

        ordering = ("-seen",)
        constraints = (
            models.UniqueConstraint(
                fields=("archive", "suite"),
                condition=models.Q(state="waiting"),
                name="one_waiting_candidate_a_suite",
            ),
        )

    @property
    def decider(self) -> str:
        """Return who decided, for people; "" when nobody did."""
        if self.decider_name:
            return self.decider_name
        if self.decided_by is not None:
            return self.decided_by.get_username()
        return f"{self.decided_as}, by a command" if self.decided_as else ""

    def __str__(self) -> str:
        return f"{self.suite} at {self.seen:%Y-%m-%d %H:%M:%S}"


class HeldLists(models.Model):
    """All that a held candidate names, of one that names more than its row holds.

    `packed` is JSON of {"findings", "added", "removed"}, compressed by zlib. It goes with the candidate.
    """

    held = models.OneToOneField(HeldCandidate, on_delete=models.CASCADE, primary_key=True, related_name="lists")
    packed = models.BinaryField()

    class Meta:
        """Nobody looks at these as such."""

        default_permissions = ()

    def __str__(self) -> str:
        return str(self.held_id)
