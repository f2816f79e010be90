"""A version rolled out to a part of its clients, as a real apt sees it that counts as one machine after another."""

from packages_app.services.lifecycle.rollout import step_rollouts
from tests.apt.archive import new_client
from tests.commands.calling import call
from tests.rollouts import begun_before

_MACHINES = range(60)


def is_offered(client, machine, *options):
    """Say whether apt would upgrade on a machine: it draws a number of the machine's for each source and version."""
    # A chroot is upgraded at once, and the other Debian of these tests stands in one.
    options = ("-o", f"APT::Machine-ID={machine:032x}", "-o", "Dir::Bin::ischroot=/bin/false", *options)
    said = client.apt_get("--simulate", *options, "upgrade").stdout
    return "Inst tool [1.0] (2.0" in said


def percentage(archive):
    stanzas = archive.stack.bucket.read("dists/stable/main/binary-amd64/Packages").decode()
    return [int(line.split()[1]) for line in stanzas.splitlines() if line.startswith("Phased-Update-Percentage:")]


def test_apt_upgrades_some_machines_then_more_then_all_and_a_new_one_at_once(archive):
    client, table = archive.client, archive.stack.table
    client.apt_get("install", "tool")
    archive.stack.define_uploads("tool", rollout=[10, 25, 50, 100])
    archive.publish("2.0")
    client.update()
    new = new_client(archive.folder / "new", archive.server)
    new.update()
    new.apt_get("-o", f"APT::Machine-ID={1:032x}", "install", "tool")
    assert new.installed("tool") == "2.0"  # who does not have it gets the newest
    given = next(machine for machine in _MACHINES if is_offered(client, machine))
    machines = [given, *[machine for machine in _MACHINES if machine != given][:3]]
    held = next(machine for machine in machines if not is_offered(client, machine))
    assert is_offered(client, held, "-o", "APT::Get::Always-Include-Phased-Updates=true")
    offered = {given}
    for expected in ([25], [50], []):
        begun_before(table, 1)
        assert step_rollouts() is not None
        archive.stack.run_jobs()
        assert step_rollouts() is None
        assert percentage(archive) == expected
        client.update()
        now = {machine for machine in machines if is_offered(client, machine)}
        assert offered <= now
        offered = now
    assert offered == set(machines)


def test_stopped_by_a_command_nobody_is_upgraded_and_with_all_everybody(archive):
    client = archive.client
    client.apt_get("install", "tool")
    archive.publish("2.0")
    assert "stable 100 % → 0 %" in call("rollout", "tool (= 2.0)", "--stop", "--dry-run")
    client.update()
    assert is_offered(client, 1)
    call("rollout", "tool (= 2.0)", "--stop", "--reason", "it crashes", "--yes")
    client.update()
    assert (percentage(archive), is_offered(client, 1)) == ([0], False)
    assert step_rollouts() is None
    assert "stable 0 % → 100 %" in call("rollout", "tool (= 2.0)", "--all", "--yes")
    client.update()
    assert (percentage(archive), is_offered(client, 1)) == ([], True)
    whats = [(one.what, one.rollout, one.reason) for one in archive.stack.table.suite_changes_of("tool", "2.0")][1:]
    assert whats == [
        ("rolled out", "stable 100 % → 0 %", "it crashes"), ("rolled out", "stable 0 % → 100 %", ""),
    ]  # fmt: skip
