"""The world of these tests, in both columns (docs/ARCHITECTURE.md, Embedded and distributed)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.db.models import Model

from packages_app.services.intake.uploads import stage_upload
from packages_app.signing.openpgp import generate_key
from tests.faults.world import OLD, Connections, World, build_tool
from tests.verified import copy_of, made_once


@dataclass(frozen=True)
class Baseline:
    """What every world begins with, made once a process and copied for each: a repository, published once."""

    home: Path
    rows: list[Model]
    signing_key: str
    connections: Connections = field(default_factory=Connections)


@pytest.fixture(scope="session")
def baseline(tmp_path_factory, django_db_setup, django_db_blocker):
    folder, key = tmp_path_factory.mktemp("baseline"), generate_key("Test archive")

    def fill(stack):
        live_settings.SIGNING_KEY = key
        stack.configure(suites=[{"architectures": ["amd64"]}])
        for definition in (stack.config / "packages").glob("kiro*.yaml"):
            definition.unlink()
        stack.define_uploads("tool", bootstrap={"copy": "tool.deb"})
        deb = build_tool(folder, *OLD)
        stage_upload(deb, deb.name, wake_worker=False)
        stack.run_jobs()

    return Baseline(*made_once(django_db_blocker, folder, fill), key)


@pytest.fixture(params=["embedded", "s3 and dynamodb"])
def world(request, tmp_path, settings, db, baseline):
    stack = copy_of(baseline.home, baseline.rows, tmp_path / "baseline", settings)
    settings.SIGNING_KEY = baseline.signing_key
    if request.param == "embedded":
        world = World(stack, tmp_path)
    else:
        world = World(stack, tmp_path, request.getfixturevalue("moto"), baseline.connections)
    world.remember()
    return world
