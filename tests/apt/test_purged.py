"""A version purged by the command, as a real apt sees it."""

from tests.commands.calling import call


def test_apt_updates_and_finds_the_purged_version_no_more(archive):
    client = archive.client
    archive.publish("2.0")
    client.update()
    assert client.candidate("tool") == "2.0"
    call("purge", "tool", "2.0", "--reason", "a key is in it", "--name", "tool")
    client.update()
    assert client.candidate("tool") == "1.0"
    refused = client.apt_get("install", "tool=2.0", check=False)
    assert refused.returncode == 100
    assert "Version '2.0' for 'tool' was not found" in refused.stderr
    client.apt_get("install", "tool")
    assert client.installed("tool") == "1.0"
