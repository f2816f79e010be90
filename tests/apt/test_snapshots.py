"""Snapshots as a real apt reads them: pinned by a line of its sources, and asked for by its own means."""

from __future__ import annotations

from datetime import timedelta

import pytest

from packages_app.core.snapshot import time_id
from packages_app.indexes.release import parse_release
from packages_app.publishing.snapshot_times import served_key
from packages_app.services import adapters
from tests.apt.apt_root import apt_root
from tests.apt.archive import BucketServer, keyring_of, make_archive, new_client
from tests.commands.calling import call, refused


def test_a_snapshot_pinned_by_its_line_has_the_old_version_for_ever_and_no_warning(archive):
    said = call("snapshot", "create", "stable", "2026-q4", "--reason", "the audited state")
    archive.publish("2.0")
    client = archive.client
    [line] = [line for line in said.splitlines() if line.startswith("deb [")]
    assert line == call("snapshot", "list", "stable").splitlines()[1].strip()
    assert " https://apt.example.org stable/snapshots/2026-q4 main" in line
    pinned = new_client(archive.folder / "pinned", archive.server)
    keyring = f"/usr/share/keyrings/{adapters.repository().keyring_key}"
    line = line.replace(keyring, str(keyring_of(pinned))).replace("https://apt.example.org", archive.server.url)
    (pinned.root / "etc/apt/sources.list.d/archive.list").write_text(line + "\n")
    archive.server.asked.clear()
    pinned.update()
    asked = [key for key in archive.server.asked if not key.startswith("dists/stable/snapshots/2026-q4/")]
    assert asked == []
    pinned.apt_get("install", "tool")
    assert pinned.installed("tool") == "1.0"
    assert "a=stable,n=stable/snapshots" in pinned.run("apt-cache", "policy").stdout
    client.update()
    assert client.candidate("tool") == "2.0"
    call("snapshot", "delete", "stable", "2026-q4", "--yes")
    assert refused("snapshot", "delete", "stable", "2026-q4", "--yes").returncode == 2
    assert "404" in pinned.refused()


@pytest.mark.parametrize(("arguments", "held"), [
    (("merge", "made", "stable/old", "stable", "--left-wins"), "1.0"),
    (("merge", "made", "stable/old", "stable"), "2.0"),
    (("filter", "made", "stable", "tool (<= 1.5)"), "1.0"),
])  # fmt: skip
def test_a_snapshot_that_was_merged_or_filtered_is_pinned_by_its_line_without_a_warning(archive, arguments, held):
    call("snapshot", "create", "stable", "old")
    archive.publish("2.0")
    said = call("snapshot", *arguments, "--yes")
    pinned = new_client(archive.folder / "pinned", archive.server)
    [line] = [line for line in said.splitlines() if line.startswith("deb [")]
    keyring = f"/usr/share/keyrings/{adapters.repository().keyring_key}"
    line = line.replace(keyring, str(keyring_of(pinned))).replace("https://apt.example.org", archive.server.url)
    (pinned.root / "etc/apt/sources.list.d/archive.list").write_text(line + "\n")
    archive.server.asked.clear()
    clean(pinned.apt_get("update"))
    assert [key for key in archive.server.asked if not key.startswith("dists/stable/snapshots/made/")] == []
    clean(pinned.apt_get("install", "tool"))
    assert pinned.installed("tool") == held


def test_a_snapshot_is_not_taken_in_the_place_of_the_live_suite(archive):
    archive.publish("2.0")
    archive.client.update()
    call("snapshot", "create", "stable", "2026-q4")
    snapshot = archive.stack.bucket.read("dists/stable/snapshots/2026-q4/InRelease")
    archive.stack.bucket.put("dists/stable/InRelease", snapshot)
    assert "changed its 'Codename' value from 'stable' to 'stable/snapshots'" in archive.client.refused()
    assert archive.client.candidate("tool") == "2.0"


class SnapshotServer(BucketServer):
    """Answers apt's addresses of snapshots as the web process does."""

    def key_of(self, path):
        return served_key(adapters.bucket(), super().key_of(path))


@pytest.fixture
def timed(embedded, tmp_path):
    """An archive whose Release tells apt where snapshots are: one with tool 1.0, and 2.0 and 3.0 after it."""
    with SnapshotServer(embedded.bucket) as server:
        embedded.configure(snapshots_address=f"{server.url}/snapshots/@SNAPSHOTID@/")
        archive = make_archive(embedded, server, tmp_path)
        call("snapshot", "create", "stable", "audited")
        yield archive


def clean(done):
    """Give apt's output, in which there is no warning and no error."""
    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("W:", "E:"))] == []
    return done.stdout


def test_apt_asks_by_itself_for_a_snapshot_by_its_name_and_for_the_state_at_any_time(timed):
    client, states = timed.client, []
    for version in ("2.0", "3.0"):
        timed.publish(version)
        states.append(parse_release(timed.release).date)
    client.update()
    assert client.candidate("tool") == "3.0"
    if not asks_for_snapshots():
        assert "option --snapshot is not understood" in client.apt_get("update", "--snapshot", "x", check=False).stderr
        return
    wanted = {"audited": "1.0", time_id(states[0]): "2.0", time_id(states[1] - timedelta(seconds=1)): "2.0",
              time_id(states[1] + timedelta(days=1)): "3.0"}  # fmt: skip
    for snapshot, version in wanted.items():
        clean(client.apt_get("update", "--snapshot", snapshot))
        clean(client.apt_get("install", "--allow-downgrades", "--snapshot", snapshot, "tool"))
        assert client.installed("tool") == version, snapshot
    lost = client.apt_get("update", "--snapshot", "19990101T000000Z", check=False)
    assert "does not have a Release file" in lost.stderr
    client.update()
    assert client.candidate("tool") == "3.0"


def test_a_source_that_names_a_snapshot_has_it_until_it_names_it_no_more(timed):
    timed.publish("2.0")
    client = timed.client
    client.update()
    if not asks_for_snapshots():
        return
    sources = client.root / "etc/apt/sources.list.d"
    (sources / "archive.list").unlink()
    text = f"Types: deb\nURIs: {timed.server.url}\nSuites: stable\nComponents: main\nSigned-By: {keyring_of(client)}\n"
    (sources / "archive.sources").write_text(text + "Snapshot: audited\n")
    clean(client.apt_get("update"))
    clean(client.apt_get("install", "tool"))
    assert client.installed("tool") == "1.0"
    (sources / "archive.sources").write_text(text)
    client.update()
    clean(client.apt_get("upgrade"))
    assert client.installed("tool") == "2.0"


def asks_for_snapshots():
    """Say whether this apt asks for snapshots by itself, as 2.7 and newer do."""
    return tuple(map(int, apt_root().version.split(".")[:2])) >= (2, 7)
