"""What a world in folders holds at one moment, its files and its rows, to be had again elsewhere as often as wanted."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from django.apps import apps
from django.db import connection, transaction
from django.db.models import Model

from packages_app.models import AuditCut, AuditEntry, AuditName

_WRITTEN_IN_PLACE = ".sqlite3"
"""All others are replaced, never written in place, so that a second name is as good as a copy."""


@dataclass(frozen=True)
class Moment:
    """The copy of a place, and all rows of ours."""

    folder: Path
    rows: list[Model]


def moment_of(place: Path, folder: Path) -> Moment:
    """Keep in a folder what a place holds now; what was kept there before goes."""
    shutil.rmtree(folder, ignore_errors=True)
    _copy(place, folder)
    return Moment(folder, [row for model in _models() for row in model.objects.all()])


def bring_back(moment: Moment, place: Path) -> None:
    """Let a place that is not there yet, and our tables, hold what was kept."""
    _copy(moment.folder, place)
    with transaction.atomic(), connection.cursor() as cursor:
        for model in _models():
            cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
        for model, rows in groupby(moment.rows, type):
            model.objects.bulk_create(rows)


def _models() -> list[type[Model]]:
    """Return all of ours but the audit trail's, which is only added to."""
    trail = (AuditEntry, AuditName, AuditCut)
    return [model for model in apps.get_app_config("packages_app").get_models() if model not in trail]


def _copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_copy_file)


def _copy_file(source: str, target: str) -> None:
    shutil.copy2(source, target) if _WRITTEN_IN_PLACE in source else os.link(source, target)
