"""Definitions as the admin shows them: the files copied into rows, and how the last check went."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from packages_app.core.definition import Definition
from packages_app.core.documents import package_of
from packages_app.core.redaction import redact
from packages_app.core.yaml_reader import Problem
from packages_app.models import DefinitionStatus
from packages_app.services import adapters
from packages_app.services.transactions import in_transaction

_COLUMNS = (
    "file", "source_type", "description", "architectures", "suites", "component", "enabled", "bootstrap_copy",
    "settings", "problems",
)  # fmt: skip


def mirror_definitions() -> None:
    """Bring the rows up to date with files and documents: good ones, bad ones with their problems.

    Rows of those that are gone go; one that is as it should be is not written. While the documents can't be read all
    stay as they are.
    """
    definitions = adapters.definitions()
    if not definitions.are_all:
        return
    problems_of: dict[str, list[Problem]] = {}
    for problem in definitions.problems:
        problems_of.setdefault(problem.file, []).append(problem)
    good = {definition.name: _columns(definition) for definition in definitions.by_name.values()}
    bad = {
        package_of(file) or file: {"file": file, "problems": [redact(str(problem)) for problem in problems]}
        for file, problems in problems_of.items()
    }
    rows: Mapping[str, dict[str, Any]] = good | bad

    def write() -> None:
        there = {row.pop("name"): row for row in DefinitionStatus.objects.values("name", *_COLUMNS)}
        DefinitionStatus.objects.filter(name__in=there.keys() - rows.keys()).delete()
        new = sorted(rows.keys() - there.keys())
        DefinitionStatus.objects.bulk_create(
            [DefinitionStatus(name=name, **rows[name]) for name in new], ignore_conflicts=True
        )
        for name in sorted(there.keys() & rows.keys()):
            if any(there[name][column] != value for column, value in rows[name].items()):
                # What was refused may be long, and stays as it is.
                DefinitionStatus.objects.filter(name=name).update(**rows[name])

    in_transaction(write)


def record_check(name: str, outcome: str, *, failed: bool) -> None:
    """Keep how a check upstream went."""
    mirror_definitions()
    DefinitionStatus.objects.filter(name=name).update(checked=timezone.now(), outcome=outcome, failed=failed)


def _columns(definition: Definition) -> dict[str, Any]:
    settings: Any = definition.source_settings
    known = dataclasses.is_dataclass(settings) and not isinstance(settings, type)
    names = [one.name for one in dataclasses.fields(settings)] if known else []
    plain: dict[str, Any] = {name: getattr(settings, name) for name in names}
    plain |= {"packages": " ".join(definition.names)} if definition.packages else {}
    plain |= {f"build {one.label}": f"{one.files} to {', '.join(one.suites)}" for one in definition.builds}
    return {
        "file": definition.file,
        "source_type": definition.source_type,
        "description": definition.description,
        "architectures": " ".join(definition.architectures),
        "suites": " ".join(definition.every_suite),
        "component": definition.component,
        "enabled": definition.enabled,
        "bootstrap_copy": definition.bootstrap.copy if definition.bootstrap else "",
        "settings": {name: redact(str(value)) for name, value in plain.items() if value is not None and str(value)},
        "problems": [],
    }
