"""What was adopted, and what has no definition, lives as any other package: each step of its life, by the commands."""

import pytest

from packages_app.core.ports import Silent
from packages_app.core.record import ADOPTED
from packages_app.core.suite_change import VersionPurged, What
from packages_app.models import Publication
from packages_app.services import adapters
from packages_app.services.mirror.packages import reconcile_mirror
from tests.commands.calling import call, refused
from tests.reader import read_suite
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO, clients_see, indexes, put

NEWEST = ("tool", "1:1.0+b1", "amd64")
BEFORE = ["other_1", "tool_1:1.0+b1", "tool_1:1.0~rc1"]


@pytest.mark.parametrize("kind", [ADOPTED, "build_script"])
def test_it_can_do_all_that_others_can(embedded, kind):
    suites = [{**suite, "retain": {"newest": 1}} for suite in TWO]
    embedded.configure(suites=TWO)
    for name, _, version in (each.partition("_") for each in BEFORE):
        record = make_record(name, version, package_type=kind)
        embedded.table.put_new(record)
        embedded.bucket.put(record.pool_path, f"{name}#{version}#amd64".encode())
    reconcile_mirror(Silent())
    put(embedded)  # publishes
    first, before = Publication.objects.filter(suite="stable").first(), indexes(embedded)
    call("withdraw", "tool (= 1:1.0+b1)", "--reason", "it breaks", "--yes")
    assert clients_see(embedded) == ["other_1", "tool_1:1.0~rc1"]
    call("restore_version", "tool", "--yes")
    assert indexes(embedded) == before
    call("promote", "tool", "--to", "testing", "--yes")
    assert clients_see(embedded, "testing") == BEFORE[1:]
    call("rollout", "tool (= 1:1.0+b1)", "--steps", "10,100", "--suite", "stable", "--yes")
    stanzas = read_suite(embedded.bucket, adapters.signer().public_keyring(), "stable")
    assert stanzas[NEWEST]["Phased-Update-Percentage"] == "10"
    call("snapshot", "create", "stable", "q4")
    call("withdraw", "other", "--reason", "it breaks", "--yes")
    call("rollback", "stable", first.pk, "--yes")
    assert clients_see(embedded) == clients_see(embedded, "stable/snapshots/q4") == BEFORE
    call("snapshot", "delete", "stable", "q4", "--yes")
    embedded.configure(suites=suites)
    call("publish", "testing")
    call("retain", "testing", "--yes")
    assert clients_see(embedded, "testing") == ["tool_1:1.0+b1"]
    call("purge", "tool (= 1:1.0~rc1)", "--reason", "a key is in it", "--name", "tool")
    assert clients_see(embedded) == ["other_1", "tool_1:1.0+b1"]
    assert refused("purge", "tool", "1:1.0~rc1", "--dry-run").code == VersionPurged.code
    whats = [one.what for one in embedded.table.suite_changes_of("tool", "1:1.0~rc1")]
    assert whats == [What.PROMOTED, What.RETAINED, What.WITHDRAWN, What.PURGED]
