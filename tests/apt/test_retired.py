"""A suite that was retired, swept and added again, as a real apt sees it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from packages_app.core.ports import Silent
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.publish import publish
from packages_app.services.sweep import sweep
from tests.apt.archive import keyring_of, new_client
from tests.commands.calling import call
from tests.debs import build_deb

BOTH = [{}, {"name": "testing", "codename": "next"}]


def test_a_retired_suite_is_read_until_it_is_swept_and_read_again_once_it_is_back(archive):
    stack, server = archive.stack, archive.server
    stack.configure(suites=BOTH)
    stack.define_uploads("tool", suites=["testing"])
    archive.publish("2.0")
    call("snapshot", "create", "testing", "q4")
    clients = [new_client(archive.folder / name, server) for name in ("live", "pinned")]
    for client, suite in zip(clients, ("testing", "testing/snapshots/q4"), strict=True):
        line = f"deb [signed-by={keyring_of(client)}] {server.url} {suite} main\n"
        (client.root / "etc/apt/sources.list.d/archive.list").write_text(line)
        client.update()
        assert client.candidate("tool") == "2.0"
    live, pinned = clients
    given = stack.table.last_given("testing")
    stack.define_uploads("tool")
    stack.configure(suites=[{}])
    sweep(Silent())
    live.update()
    assert sweep(Silent(), now=datetime.now(UTC) + timedelta(days=15))["retired"]["objects"] > 0
    assert "testing Release' no longer has a Release file" in live.refused()
    assert stack.table.last_given("testing") == given
    pinned.update()
    pinned.apt_get("install", "tool")
    assert pinned.installed("tool") == "2.0"
    archive.client.update()

    stack.configure(suites=BOTH)
    publish("testing", Silent())
    live.update()
    assert live.candidate("tool") == "2.0"
    stack.define_uploads("tool", suites=["testing"])
    deb = build_deb(archive.folder, "tool", "3.0")
    stage_upload(deb, deb.name, wake_worker=False)
    stack.run_jobs()
    live.update()
    live.apt_get("install", "tool")
    assert live.installed("tool") == "3.0"
    newest = stack.table.last_given("testing")
    assert (newest.date > given.date, newest.fingerprint) == (True, adapters.signer().fingerprint)
