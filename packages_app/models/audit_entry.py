"""The audit trail: who changed what, or was refused it. Lines are only added; triggers of migration 0026 hold that."""

from __future__ import annotations

import uuid
from datetime import UTC

from django.db import models

from packages_app.core.archive import LONGEST_SLUG
from packages_app.core.audit import Actor, ActorKind, Result, line_digest
from packages_app.models.of_archive import OfArchive


class AuditEntry(OfArchive):
    """One line: nothing in it refers to a row that may go.

    `archive` is "" for what was done in none, where an installation has several. All archives have one chain.

    `deed` is the same for all lines of one request, command or job. `before`, `after` and `given` are JSON, "" for
    nothing; `packages` and `suites` names, one a line. A line is sealed a moment after it was written: it gets its
    `number` in the chain, the digest of the line before it, and its own. Once sealed nothing of it can be changed, and
    before that nothing but these three. A migration that makes this table anew must make its triggers anew.
    """

    SAID = (
        "deed", "kind", "actor", "actor_number", "address", "what", "subject", "packages", "suites", "before", "after",
        "given", "result", "code", "job", "archive",
    )  # fmt: skip

    happened = models.DateTimeField("when")
    deed = models.UUIDField(default=uuid.uuid4)
    kind = models.CharField("kind of actor", max_length=16, choices=[(kind.value, kind.value) for kind in ActorKind])
    actor = models.CharField("who", max_length=255, blank=True)
    actor_number = models.CharField(max_length=64, blank=True)
    address = models.CharField("from", max_length=255, blank=True)
    what = models.CharField(max_length=128)
    subject = models.CharField(max_length=255, blank=True)
    packages = models.TextField(blank=True)
    suites = models.TextField(blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    given = models.TextField("asked with", blank=True)
    result = models.CharField(max_length=16, choices=[(result.value, result.value) for result in Result])
    code = models.CharField("error", max_length=64, blank=True)
    job = models.CharField(max_length=36, blank=True)
    archive = models.CharField(max_length=LONGEST_SLUG, blank=True, default="", editable=False)
    number = models.BigIntegerField(null=True, unique=True, editable=False)
    previous = models.CharField(max_length=64, blank=True, editable=False)
    digest = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        """Newest first."""

        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name_plural = "audit trail"
        indexes = (
            models.Index(fields=("archive", "happened"), name="audit_by_time"),
            models.Index(fields=("archive", "actor", "-id"), name="audit_by_actor"),
            models.Index(fields=("archive", "what", "-id"), name="audit_by_deed"),
            models.Index(fields=("archive", "id"), condition=models.Q(number=None), name="audit_unsealed"),
        )

    @property
    def who(self) -> Actor:
        """Return who acted, as it was then."""
        return Actor(ActorKind(self.kind), self.actor, self.address, self.actor_number)

    def digest_after(self, previous: str, number: int) -> str:
        """Return the digest (hex SHA256) that this line has as that number of a chain, after that digest."""
        line = {name: str(getattr(self, name)) for name in self.SAID}
        when = self.happened.astimezone(UTC).isoformat(timespec="microseconds")
        return line_digest(previous, number, {**line, "happened": when})

    def __str__(self) -> str:
        return f"{self.what} {self.subject}".rstrip()


class AuditName(models.Model):
    """A package or suite that a line is about, to find the line by."""

    class Kind(models.TextChoices):
        """Whose name it is."""

        PACKAGE = "package", "package"
        SUITE = "suite", "suite"

    entry = models.ForeignKey(AuditEntry, on_delete=models.CASCADE, related_name="names")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    name = models.CharField(max_length=255)

    class Meta:
        """Found by what it names; nobody looks at these as such."""

        default_permissions = ()
        indexes = (models.Index(fields=("kind", "name", "-entry"), name="audit_by_name"),)

    def __str__(self) -> str:
        return self.name


class AuditCut(models.Model):
    """Up to which number lines were let go, by their age: the chain goes on after that number and its digest.

    No line can be removed that no cut names.
    """

    upto = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        """In their order."""

        ordering = ("upto",)
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.upto)
