"""The world of these tests, in both columns (docs/ARCHITECTURE.md, Embedded and distributed)."""

from __future__ import annotations

import pytest

from packages_app.services.intake.uploads import stage_upload
from packages_app.signing.openpgp import generate_key
from tests.faults.world import OLD, World, build_tool
from tests.stack import point_settings_at


@pytest.fixture(params=["embedded", "s3 and dynamodb"])
def world(request, tmp_path, settings, db):
    moto = request.getfixturevalue("moto") if request.param != "embedded" else ""
    world = World(point_settings_at(settings, tmp_path / "baseline"), tmp_path, moto)
    world.stack.configure(suites=[{"architectures": ["amd64"]}])
    settings.SIGNING_KEY = generate_key("Test archive")
    world.stack.define_uploads("tool")
    for definition in (world.stack.config / "packages").glob("kiro*.yaml"):
        definition.unlink()
    world.stack.define_uploads("tool", bootstrap={"copy": "tool.deb"})
    deb = build_tool(tmp_path, *OLD)
    stage_upload(deb, deb.name, wake_worker=False)
    world.stack.run_jobs()
    world.remember()
    return world
