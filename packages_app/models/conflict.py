"""Conflicts: the same version offered with other bytes. They change nothing until a person decides."""

from __future__ import annotations

from django.db import models

from packages_app.core.builds import LONGEST_BUILD
from packages_app.core.record import built_for
from packages_app.models.of_archive import OfArchive


class Conflict(OfArchive):
    """One refused offer.

    `quarantined` is the staging key of the offered file, or "" when it was not fetched; `offered_size` is 0 when not
    known.
    """

    package_name = models.CharField("package", max_length=255)
    version = models.CharField(max_length=256)
    architecture = models.CharField(max_length=64)
    build = models.CharField(max_length=LONGEST_BUILD, blank=True, default="")
    known_sha256 = models.CharField("SHA256 that clients have", max_length=64)
    offered_sha256 = models.CharField("SHA256 offered", max_length=64, blank=True)
    offered_size = models.BigIntegerField("size offered", default=0)
    origin = models.TextField("offered by")
    quarantined = models.TextField(blank=True)
    seen = models.DateTimeField("last seen", auto_now=True)
    job = models.ForeignKey("packages_app.Job", null=True, on_delete=models.SET_NULL, related_name="conflicts")
    settled = models.BooleanField(default=False)

    class Meta:
        """The same offer is one row, however often it is seen."""

        ordering = ("settled", "-seen")
        indexes = (models.Index(fields=("archive", "settled", "-seen", "-id"), name="conflict_by_state"),)
        constraints = (
            models.UniqueConstraint(
                fields=(
                    "archive", "package_name", "version", "architecture", "build", "offered_sha256", "offered_size"
                ),
                name="one_conflict_an_offer",
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.package_name} {self.version} ({self.built_for})"

    @property
    def built_for(self) -> str:
        """The second part of the key of the record that clients have."""
        return built_for(self.architecture, self.build)
