"""In which archives a group of users has its rights."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import models

from packages_app.core.archive import LONGEST_SLUG


class GroupArchive(models.Model):
    """One archive that a group has its rights in. A group without any such row has them in every archive."""

    group = models.ForeignKey(Group, on_delete=models.CASCADE, related_name="archives")
    archive = models.CharField(max_length=LONGEST_SLUG)

    class Meta:
        """An archive once a group."""

        default_permissions = ()
        constraints = (models.UniqueConstraint(fields=("group", "archive"), name="group_archive_once"),)

    def __str__(self) -> str:
        return self.archive
