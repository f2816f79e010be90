"""Publishers that are trusted by what an identity provider says of them: workflows that show no secret of their own."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from packages_app.models.of_archive import OfArchive


class TrustedPublisher(OfArchive):
    """Who may exchange a token of an issuer for one of ours, and by which claims he is known.

    `issuer` is the address whose keys count. `repository_id` and `owner_id` are learned at the first use where nobody
    gave them: a name that somebody else takes over later is not the same. `ref` is a pattern; `claims` are those of an
    issuer that is neither GitHub nor GitLab, each of which must be equal.
    """

    class Kind(models.TextChoices):
        """Whose claims they are."""

        GITHUB = "github", "GitHub Actions"
        GITLAB = "gitlab", "GitLab CI"
        OTHER = "other", "another issuer (OpenID Connect)"

    name = models.CharField(max_length=64)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    issuer = models.CharField(max_length=255)
    repository = models.CharField(max_length=255, blank=True)
    repository_id = models.CharField(max_length=32, blank=True)
    owner_id = models.CharField(max_length=32, blank=True)
    workflow = models.CharField(max_length=255, blank=True)
    ref = models.CharField(max_length=255, default="*")
    protected = models.BooleanField(default=True)
    environment = models.CharField(max_length=255, blank=True)
    claims = models.JSONField(default=dict)
    made = models.DateTimeField(default=timezone.now)
    last_used = models.DateTimeField(null=True)

    class Meta:
        """By name, which is used once."""

        ordering = ("name",)
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=("archive", "name"), name="trusted_publisher_once"),)
        indexes = (models.Index(fields=("archive", "issuer"), name="publisher_by_issuer"),)

    def __str__(self) -> str:
        return self.name


class SpentIdentity(OfArchive):
    """A token of an issuer that was exchanged: none is twice. `digest` is the SHA256 (hex) of issuer and `jti`."""

    digest = models.CharField(max_length=64)
    expires = models.DateTimeField()

    class Meta:
        """Once each."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("archive", "digest"), name="spent_once"),)
        indexes = (models.Index(fields=("archive", "expires"), name="spent_by_end"),)

    def __str__(self) -> str:
        return self.digest
