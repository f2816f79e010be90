"""Definitions as the admin shows them: a copy of the YAML files, and how the last check upstream went."""

from __future__ import annotations

from django.db import models

from packages_app.models.of_archive import OfArchive


class DefinitionStatus(OfArchive):
    """One definition file. Where `problems` is not empty the file is not in use."""

    name = models.CharField(max_length=255)
    file = models.CharField(max_length=255)
    source_type = models.CharField("type", max_length=64, blank=True)
    description = models.TextField(blank=True)
    architectures = models.CharField(max_length=255, blank=True)
    suites = models.CharField(max_length=255, blank=True)
    component = models.CharField(max_length=64, blank=True)
    enabled = models.BooleanField(default=True)
    bootstrap_copy = models.CharField("convenience copy", max_length=255, blank=True)
    settings = models.JSONField("source settings", default=dict)
    problems = models.JSONField(default=list)
    checked = models.DateTimeField("last check upstream", null=True)
    outcome = models.TextField("last outcome", blank=True)
    failed = models.BooleanField("last check failed", default=False)
    checked_by = models.ForeignKey(
        "packages_app.Job", null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    """The job that has its check in hand; one that does not run has let go of it."""
    refused = models.JSONField(default=dict, editable=False)
    """What the offers that the last check met and refused were refused for, by their digests (`refused_offers`)."""

    class Meta:
        """By name."""

        ordering = ("name",)
        verbose_name = "definition"
        constraints = (models.UniqueConstraint(fields=("archive", "name"), name="definition_by_name"),)

    def __str__(self) -> str:
        return self.name
