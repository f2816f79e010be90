"""Cautions that a person has approved: they hold no later publication of their suite back."""

from __future__ import annotations

import hashlib
import json

from django.db import models

from packages_app.models.of_archive import OfArchive


class ClearedCaution(OfArchive):
    """One caution of one package, cleared in one suite when the candidate that it had held back was published.

    `package` is a name, or `name version architecture` where it is cleared for that version alone; `said` is
    `code: text` (`core/caution.py`). `digest` stands for both. It is in force for good, whatever becomes of the
    candidate's row.
    """

    suite = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, editable=False)
    package = models.TextField()
    said = models.TextField("caution")
    cleared = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first; the same is cleared once a suite."""

        ordering = ("-pk",)
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=("archive", "suite", "digest"), name="caution_cleared_once"),)

    def __str__(self) -> str:
        return f"{self.package} {self.said}"


def digest_of_cleared(package: str, said: str) -> str:
    """Return the SHA256 (hex) that a cleared caution is found by, whatever characters it has."""
    return hashlib.sha256(json.dumps([package, said]).encode()).hexdigest()
