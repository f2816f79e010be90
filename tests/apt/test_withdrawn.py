"""A version withdrawn and restored by commands, as a real apt sees it."""

from tests.commands.calling import call, refused


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
