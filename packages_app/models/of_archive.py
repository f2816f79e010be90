"""Rows of one archive: who asks for rows is given those of the archive that he is in, and makes rows of that one."""

from __future__ import annotations

from typing import TypeVar

from django.conf import settings
from django.db import models

from packages_app.core.archive import LONGEST_SLUG, present_slug

Row = TypeVar("Row", bound=models.Model)


def slug_of_rows() -> str:
    """Return the slug of the archive that rows are read and made in; raise `ArchiveNotNamed`."""
    return present_slug(settings.ARCHIVES)


class RowsOfArchive(models.Manager[Row]):
    """Gives the rows of the archive that was entered, whatever is asked of them."""

    def get_queryset(self) -> models.QuerySet[Row]:
        """Return these rows: those of the archive that is entered now, not where they are looked at."""
        return super().get_queryset().filter(archive=slug_of_rows())


class OfArchive(models.Model):
    """A row that belongs to an archive. Its unique constraints and its indexes begin with `archive`."""

    archive = models.CharField(max_length=LONGEST_SLUG, default=slug_of_rows, editable=False)

    objects = RowsOfArchive()
    # A worker is told an id alone, and has to find out of which archive that is.
    of_all_archives = models.Manager()

    class Meta:
        """No table of its own."""

        abstract = True
