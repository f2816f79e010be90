"""What was answered to requests that a client may send again: by its Idempotency-Key it gets the same answer."""

from __future__ import annotations

from django.db import models

from packages_app.models.access_token import AccessToken
from packages_app.models.of_archive import OfArchive


class AnsweredRequest(OfArchive):
    """One request of a token; `status` is 0 until it is answered. `digest` is the SHA256 of method, path and body."""

    token = models.ForeignKey(AccessToken, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(default=0)
    body = models.TextField(blank=True)
    came = models.DateTimeField(auto_now_add=True)

    class Meta:
        """A key is used once by a token."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("archive", "token", "key"), name="answered_once"),)
        indexes = (models.Index(fields=("archive", "came"), name="answered_by_age"),)

    def __str__(self) -> str:
        return self.key
