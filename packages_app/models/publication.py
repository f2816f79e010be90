"""Publications: what was published when. A row is written on a clean end only, so each one is complete."""

from __future__ import annotations

from django.db import models

from packages_app.models.of_archive import OfArchive


class Publication(OfArchive):
    """One published state of one suite.

    Each list holds its first hundred items and its count tells of all; where there are more, the object `lists_key` of
    staging has every list whole. `left_out` lists records that no index carries, with reasons; `missing_files` pool
    files that a force rebuild found missing; `added` and `removed` packages against the publication before
    (`name version architecture`); `uninstallable` packages that could be installed before, with the reason. What a
    `pinned` one held is kept for ever, and so is its row.
    """

    class Kind(models.TextChoices):
        """Why it was made."""

        PUBLISH = "publish", "publish"
        FORCE_REBUILD = "force_rebuild", "force rebuild"
        REFRESH = "refresh_signatures", "signature renewed"
        ROLLBACK = "roll_back", "rolled back"

    LISTS = ("added", "removed", "left_out", "missing_files", "uninstallable")

    suite = models.CharField(max_length=64)
    kind = models.CharField(max_length=32, choices=Kind.choices)
    published_at = models.DateTimeField(auto_now_add=True)
    date = models.DateTimeField("Release date")
    valid_until = models.DateTimeField("valid until")
    release_sha256 = models.CharField("Release SHA256", max_length=64)
    fingerprint = models.CharField("signed by", max_length=64)
    packages = models.PositiveIntegerField("packages")
    records_read = models.PositiveIntegerField("records read")
    uploaded_bytes = models.BigIntegerField("bytes of indexes uploaded")
    added = models.JSONField(default=list)
    removed = models.JSONField(default=list)
    left_out = models.JSONField("left out", default=list)
    missing_files = models.JSONField("missing pool files", default=list)
    uninstallable = models.JSONField("can't be installed any more", default=list)
    added_count = models.PositiveIntegerField("packages added", default=0)
    removed_count = models.PositiveIntegerField("packages removed", default=0)
    left_out_count = models.PositiveIntegerField("records left out", default=0)
    missing_files_count = models.PositiveIntegerField("pool files missing", default=0)
    uninstallable_count = models.PositiveIntegerField("packages that can't be installed any more", default=0)
    lists_key = models.CharField("whole lists", max_length=255, blank=True)
    pinned = models.BooleanField("kept for ever", default=False)
    job = models.ForeignKey("packages_app.Job", null=True, on_delete=models.SET_NULL, related_name="publications")

    class Meta:
        """Newest first."""

        ordering = ("-published_at", "-id")
        indexes = (models.Index(fields=("archive", "suite", "-published_at"), name="publication_by_suite"),)
        permissions = (
            ("publish_suite", "Can publish, rebuild and check upstream"),
            ("change_keys", "Can add, change and give up signing keys"),
        )

    def __str__(self) -> str:
        return f"{self.suite} at {self.date:%Y-%m-%d %H:%M:%S}"
