"""Notices: what a person should hear of. Shown on the front page, logged, and sent on where settings say so."""

from __future__ import annotations

import uuid

from django.db import models

from packages_app.models.of_archive import OfArchive


class Notice(OfArchive):
    """One thing that happened, or that is so.

    While it is open, the same (kind, subject) is one row: `seen` and `times` say when it was last so, and how often.
    `level` is info, warning or error. `sent` is when it was sent on, `sending_failed` says why it could not be.
    """

    class Kind(models.TextChoices):
        """What it is about; also the event's name in the log."""

        NEW_VERSION = "new_version", "new version published"
        VERSION_CONFLICT = "version_conflict", "version conflict"
        SIGNATURE_REFUSED = "signature_refused", "signature refused"
        JOB_FAILED = "job_failed", "job failed"
        EXPIRY_NEAR = "expiry_near", "expiry near"
        VERIFICATION_FAILED = "verification_failed", "verification failed"
        CANDIDATE_HELD = "candidate_held", "candidate held back"
        FILES_MISSING = "files_missing", "pool files missing"
        CLOCK_WRONG = "clock_wrong", "clock wrong"
        RECORDS_LEFT_OUT = "records_left_out", "records left out"
        RECORD_NOT_MIRRORED = "record_not_mirrored", "record without a row"
        DISK_NEARLY_FULL = "disk_nearly_full", "disk nearly full"
        UNINSTALLABLE = "uninstallable", "packages can't be installed"
        CONFIGURATION_FAULTY = "configuration_faulty", "configuration at fault"
        HAND_MADE_VERSION = "hand_made_version", "version made by hand"
        TOKEN_ENDS = "token_ends", "token ends"
        MESSAGE_UNREADABLE = "message_unreadable", "message can't be read"
        WEBHOOK_FAILED = "webhook_failed", "webhook not received"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    level = models.CharField(max_length=16, default="warning")
    subject = models.CharField(max_length=255)
    text = models.TextField()
    remedy = models.TextField(blank=True)
    job = models.ForeignKey("packages_app.Job", null=True, on_delete=models.SET_NULL, related_name="notices")
    created = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField("last seen")
    times = models.PositiveIntegerField(default=1)
    settled = models.DateTimeField(null=True)
    sent = models.DateTimeField(null=True)
    sending_failed = models.TextField(blank=True)
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        """Newest first; one open row a matter."""

        ordering = ("-seen",)
        constraints = (
            models.UniqueConstraint(
                fields=("archive", "kind", "subject"), condition=models.Q(settled=None), name="one_open_notice_a_matter"
            ),
        )
        indexes = (models.Index(fields=("archive", "settled", "-seen"), name="notice_by_state"),)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"
