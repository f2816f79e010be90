"""Keys of people who sign what they upload by dput."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from packages_app.models.of_archive import OfArchive


class UploaderKey(OfArchive):
    """A person's public key, armored. `fingerprint` is that of its primary key, in upper-case hex."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE)
    fingerprint = models.CharField(max_length=40)
    names = models.TextField(blank=True)
    public_key = models.TextField()
    added = models.DateTimeField(default=timezone.now)

    class Meta:
        """Newest first; a key is one person's."""

        verbose_name = "uploader key"
        default_permissions = ()
        ordering = ("-added",)
        constraints = (models.UniqueConstraint(fields=("archive", "fingerprint"), name="uploader_key_once"),)

    def __str__(self) -> str:
        return self.fingerprint
