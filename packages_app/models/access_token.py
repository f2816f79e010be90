"""Tokens that machines show instead of a password: never kept, but for their digest."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from packages_app.models.of_archive import OfArchive
from packages_app.models.trusted_publisher import TrustedPublisher


class AccessToken(OfArchive):
    """A token of a person. `digest` is the SHA256 (hex) of the whole token, `hint` its last four characters.

    One that a trusted publisher was given has no owner, and says what its issuer vouched for (`core.built_from`).
    """

    name = models.CharField(max_length=64)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=4)
    made = models.DateTimeField(default=timezone.now)
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True)
    last_used = models.DateTimeField(null=True)
    last_address = models.CharField(max_length=64, blank=True)
    publisher = models.ForeignKey(TrustedPublisher, null=True, on_delete=models.SET_NULL)
    built_from = models.JSONField(default=dict)

    class Meta:
        """Newest first."""

        verbose_name = "access token"
        default_permissions = ()
        ordering = ("-made",)
        indexes = (models.Index(fields=("archive", "owner"), name="token_by_owner"),)

    @property
    def counts(self) -> bool:
        """Whether it may be used now."""
        return self.revoked is None and self.expires > timezone.now()

    @property
    def condition(self) -> str:
        """Return in a word whether it may be used."""
        if self.revoked is not None:
            return "revoked"
        return "counts" if self.counts else "expired"

    def __str__(self) -> str:
        return f"{self.name} (…{self.hint})"
