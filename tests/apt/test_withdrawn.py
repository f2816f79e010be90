"""A version withdrawn, restored and promoted by commands, and a suite rolled back, as a real apt sees it."""

from packages_app.models import Publication
from packages_app.services.intake.uploads import stage_upload
from tests.commands.calling import call, refused
from tests.debs import build_deb


def test_apt_is_offered_the_version_before_and_goes_back_by_the_pin_that_is_shown(archive):
    client = archive.client
    archive.publish("2.0")
    client.update()
    client.apt_get("install", "tool")
    assert client.installed("tool") == "2.0"
    shown = call("withdraw", "tool (= 2.0)", "--reason", "it breaks", "--dry-run")
    assert "stable: tool amd64: 2.0 → 1.0" in shown
    client.update()
    assert client.candidate("tool") == "2.0"
    assert refused("withdraw", "tool (= 2.0)", "--reason", "it breaks").returncode == 2
    assert refused("withdraw", "tool (= 2.0)", "--yes").returncode == 2
    said = call("withdraw", "tool (= 2.0)", "--reason", "it breaks", "--yes")
    assert "publish stable: done" in said
    client.update()
    client.apt_get("upgrade")
    assert client.installed("tool") == "2.0"
    pin = said[said.index("Package: tool") : said.index("Pin-Priority: 1001") + len("Pin-Priority: 1001\n")]
    (client.root / "etc/apt/preferences.d/tool").write_text(pin)
    client.apt_get("upgrade", "--allow-downgrades")
    assert client.installed("tool") == "1.0"
    call("restore_version", "tool (= 2.0)", "--yes")
    (client.root / "etc/apt/preferences.d/tool").unlink()
    client.update()
    client.apt_get("upgrade")
    assert client.installed("tool") == "2.0"
    assert refused("restore_version", "tool", "--yes").returncode == 2


def test_apt_is_offered_what_was_promoted_from_a_suite_that_it_does_not_read(archive):
    client, stack = archive.client, archive.stack
    stack.configure(suites=[{"name": "stable"}, {"name": "testing", "codename": "testing"}])
    deb = build_deb(archive.folder, "tool", "2.0")
    stage_upload(deb, deb.name, suite="testing", wake_worker=False)
    stack.run_jobs()
    client.update()
    assert client.candidate("tool") == "1.0"
    assert "stable: tool amd64: 1.0 → 2.0" in call("promote", "$Suite (testing)", "--to", "stable", "--newer", "--yes")
    client.update()
    assert " 2.0 500\n" in client.run("apt-cache", "policy", "tool").stdout
    client.apt_get("install", "tool")
    assert client.installed("tool") == "2.0"
    assert refused("promote", "$Suite (testing)", "--to", "stable", "--newer", "--yes").returncode == 2
    call("withdraw", "tool (= 2.0)", "--suite", "stable", "--reason", "undone", "--yes")
    client.update()
    assert " 2.0 500\n" not in client.run("apt-cache", "policy", "tool").stdout


def test_apt_sees_a_suite_rolled_back_and_that_undone(archive):
    client = archive.client
    first = Publication.objects.first()
    archive.publish("2.0")
    client.update()
    client.apt_get("install", "tool")
    shown = call("rollback", "stable", first.release_sha256[:12], "--dry-run")
    assert "stable: tool amd64: 2.0 → 1.0" in shown
    client.update()
    assert client.candidate("tool") == "2.0"
    assert refused("rollback", "stable", first.pk).returncode == 2
    said = call("rollback", "stable", first.pk, "--reason", "it breaks", "--yes")
    client.update()
    client.apt_get("upgrade")
    assert client.installed("tool") == "2.0"
    assert " 2.0 500\n" not in client.run("apt-cache", "policy", "tool").stdout
    pin = said[said.index("Package: tool") : said.index("Pin-Priority: 1001") + len("Pin-Priority: 1001\n")]
    (client.root / "etc/apt/preferences.d/tool").write_text(pin)
    client.apt_get("upgrade", "--allow-downgrades")
    assert client.installed("tool") == "1.0"
    refusal = refused("rollback", "stable", first.pk, "--yes")
    assert (refusal.returncode, refusal.code) == (2, "nothing_to_roll_back")
    (client.root / "etc/apt/preferences.d/tool").unlink()
    undo = said.rpartition("manage.py ")[2].split()
    call(*undo, "--yes")
    client.update()
    client.apt_get("upgrade")
    assert client.installed("tool") == "2.0"
