"""Snapshots merged of others and filtered, suites filled from them, and what of them is lost."""

import pytest

from packages_app.core.errors import StoreUnavailable
from packages_app.core.history_errors import ContentsGone, NothingToRollBack, PublicationUnknown
from packages_app.core.ports import Silent
from packages_app.core.query import QueryRefused
from packages_app.core.snapshot import SnapshotIncomplete, SnapshotRefused
from packages_app.core.suite_change import What
from packages_app.models import Job, Package, Publication
from packages_app.publishing.snapshots import described_snapshot, names_of_snapshots
from packages_app.services import adapters
from packages_app.services.lifecycle.rollback import plan_fill
from packages_app.services.snapshots.compose import recipe_of
from packages_app.services.snapshots.jobs import do_snapshot, plan_composed, request_composed
from packages_app.services.snapshots.snapshots import create_snapshot, delete_snapshot
from packages_app.services.verification.verify import verify_repository
from packages_app.verification.finding import Part
from tests.commands.calling import call, refused
from tests.records import make_record
from tests.services.lifecycle.test_move import clients_see, do, put
from tests.services.test_sweep import Between

SUITES = [{"name": "stable"}, {"name": "testing", "codename": "testing"}, {"name": "new", "codename": "new"}]


@pytest.fixture
def stack(embedded, served):
    """Snapshot `a` of stable has tool 1.0 and 2.0 and left 1; `b` of testing has tool 1.5 and 3.0 and right 1."""
    embedded.configure(suites=SUITES)
    put(embedded, "tool_1.0", "tool_2.0", "left_1")
    put(embedded, "tool_1.5", "tool_3.0", "right_1", suites=("testing",))
    create_snapshot("stable", "a", Silent())
    create_snapshot("testing", "b", Silent())
    return embedded


def compose(stack, name, parts, way="", query="", reason=""):
    """Make one by a job; gives the job."""
    job = request_composed(recipe_of(name, parts, way, query), reason)
    stack.run_jobs()
    job.refresh_from_db()
    assert (job.state, job.error) == ("done", "")
    return job


def findings():
    """What a verification says of snapshots; pool files are not what their records say here."""
    found = verify_repository([], Silent(), part=Part.SUITES).findings
    return [one for one in found if "/snapshots/" in one.where and one.code != "not_served"]


@pytest.mark.parametrize(("way", "told", "held"), [
    ("", "newest", ["left_1", "right_1", "tool_3.0"]),
    ("left", "left", ["left_1", "right_1", "tool_1.0", "tool_2.0"]),
    ("all", "all", ["left_1", "right_1", "tool_1.0", "tool_1.5", "tool_2.0", "tool_3.0"]),
])  # fmt: skip
def test_a_merge_takes_the_newest_or_what_the_left_one_has_or_all(stack, way, told, held):
    compose(stack, "ab", ["stable/a", "testing/snapshots/b"], way, reason="for the fair")
    assert clients_see(stack, "stable/snapshots/ab") == held
    made = described_snapshot(stack.bucket, "stable", "ab")
    assert made.reason == "for the fair"
    assert made.of == max(described_snapshot(stack.bucket, *one).of for one in (("stable", "a"), ("testing", "b")))
    assert made.state.startswith(f"{told} of stable/snapshots/a ")
    assert findings() == []


def test_the_same_once_more_changes_nothing_and_another_under_its_id_is_refused(stack):
    job = compose(stack, "testing/ab", ["stable/a", "testing/b"])
    before = stack.dists()
    Job.objects.filter(pk=job.pk).update(state="queued")
    stack.run_jobs()
    job.refresh_from_db()
    assert (job.state, stack.dists()) == ("done", before)
    assert refused("snapshot", "merge", "testing/ab", "testing/b", "stable/a", "--yes").code == "snapshot_exists"


@pytest.mark.parametrize("cut_off_at", ["main/binary-amd64/Packages.gz", "InRelease"])
def test_one_that_was_cut_off_is_no_snapshot_until_it_is_made_again(stack, cut_off_at):
    bucket, names = stack.bucket, names_of_snapshots(stack.bucket, "stable")

    def fail(key, body, **options):
        if key == f"dists/stable/snapshots/ab/{cut_off_at}":
            raise StoreUnavailable("It is away.", remedy="None: it is brought in by a test.")
        return bucket.put(key, body, **options)

    job = request_composed(recipe_of("ab", ["stable/a", "testing/b"]))
    ports = adapters.Ports(stack.table, Between(bucket, put=fail), stack.staging)
    with adapters.given(ports), pytest.raises(StoreUnavailable):
        do_snapshot(job, Silent())
    assert names_of_snapshots(bucket, "stable") == names
    do_snapshot(job, Silent())
    assert clients_see(stack, "stable/snapshots/ab") == ["left_1", "right_1", "tool_3.0"]
    assert findings() == []


def test_a_merge_may_have_what_suites_show_and_publications_showed(stack):
    first = Publication.objects.filter(suite="stable", packages=3).first()
    put(stack, "tool_4.0")
    compose(stack, "stable/now", ["stable", "testing"])
    compose(stack, "stable/then", [first.release_sha256[:8], "testing"])
    assert clients_see(stack, "stable/snapshots/now") == ["left_1", "right_1", "tool_4.0"]
    assert clients_see(stack, "stable/snapshots/then") == ["left_1", "right_1", "tool_3.0"]


def test_a_filter_takes_what_a_query_selects_and_names_what_has_no_record(stack):
    Package.objects.get(package_id="left#1").delete()
    job = compose(stack, "tools", ["stable/a"], query="tool (>= 2)")
    assert clients_see(stack, "stable/snapshots/tools") == ["tool_2.0"]
    assert job.result["lost"] == ["left 1 amd64: the mirror has no row of it yet"]
    assert described_snapshot(stack.bucket, "stable", "tools").state.endswith("what is tool (>= 2)")
    compose(stack, "newer", ["stable/a", "testing/b"], "all", query="tool (>= 2)")
    assert clients_see(stack, "stable/snapshots/newer") == ["tool_2.0", "tool_3.0"]
    assert findings() == []
    before = stack.dists()
    with pytest.raises(SnapshotRefused, match="no package"):
        request_composed(recipe_of("none", ["stable/a"], query="ghost"))
    with pytest.raises(QueryRefused):
        recipe_of("none", ["stable/a"], query="tool (")
    assert stack.dists() == before


def test_what_was_purged_is_lost_by_name_and_what_is_merely_gone_stops_it(stack):
    call("purge", "tool", "2.0", "--reason", "a key is in it", "--name", "tool")
    said = call("snapshot", "merge", "ab", "stable/a", "testing/b", "--no-remove", "--dry-run")
    assert "1 are lost:\n  tool 2.0 amd64: it was purged on" in said
    job = compose(stack, "ab", ["stable/a", "testing/b"], "all")
    assert len(job.result["lost"]) == 1
    assert clients_see(stack, "stable/snapshots/ab") == ["left_1", "right_1", "tool_1.0", "tool_1.5", "tool_3.0"]
    stack.bucket.delete(make_record("left", "1").pool_path)
    with pytest.raises(SnapshotIncomplete, match="left_1"):
        plan_composed(recipe_of("cd", ["stable/a", "testing/b"]))


def test_a_part_that_goes_or_becomes_another_one_before_the_job_stops_it(stack):
    job = request_composed(recipe_of("ab", ["stable/a", "testing/b"]))
    delete_snapshot("stable", "a", Silent())
    with pytest.raises(ContentsGone):
        do_snapshot(job, Silent())
    create_snapshot("stable", "a", Silent(), reason="another one")
    with pytest.raises(SnapshotRefused):
        do_snapshot(job, Silent())
    assert described_snapshot(stack.bucket, "stable", "ab") is None
    with pytest.raises(SnapshotRefused):
        recipe_of("ab", ["stable/ghost"])
    with pytest.raises(PublicationUnknown):
        recipe_of("ab", ["ghost"])
    for key, _ in [*stack.bucket.keys("dists/stable/snapshots/a/main/binary-amd64/")]:
        stack.bucket.delete(key)
    with pytest.raises(ContentsGone):
        plan_composed(recipe_of("ab", ["stable/a", "testing/b"]))


def test_a_suite_that_is_empty_is_filled_from_a_snapshot_and_emptied_again(stack):
    compose(stack, "ab", ["stable/a", "testing/b"])
    said = call("snapshot", "fill", "new", "stable/ab", "--dry-run")
    assert "3 come in:\n  left 1 amd64" in said
    assert clients_see(stack, "new") == []
    call("snapshot", "fill", "new", "stable/ab", "--yes")
    assert clients_see(stack, "new") == ["left_1", "right_1", "tool_3.0"]
    assert clients_see(stack, "stable") == ["left_1", "tool_1.0", "tool_2.0"]
    [change] = stack.table.suite_changes_of("right", "1")
    assert (change.what, change.after, change.reason) == (
        What.FILLED, ("new", "testing"), "stable/snapshots/ab",
    )  # fmt: skip
    with pytest.raises(NothingToRollBack):
        plan_fill("new", "stable/ab")
    do(stack, What.WITHDRAWN, "$Suite (= new)", "new")
    assert clients_see(stack, "new") == []


def test_a_suite_that_has_packages_is_filled_after_a_preview_and_rolled_back(stack):
    before = clients_see(stack)
    planned = plan_fill("stable", "testing/b")
    assert [str(seen) for seen in planned.preview.seen if seen.name == "tool"] == ["stable: tool amd64: 2.0 → 3.0"]
    said = call("snapshot", "fill", "stable", "testing/b", "--yes", "--reason", "all of it")
    assert clients_see(stack) == ["right_1", "tool_1.5", "tool_3.0"]
    call(*said.splitlines()[-1].partition("manage.py ")[2].split(), "--yes")
    assert clients_see(stack) == before
    for wrong in ("stable", "ghost/x", "1"):
        assert refused("snapshot", "fill", "stable", wrong, "--yes").code == "snapshot_refused"


def test_a_copy_of_a_snapshot_is_made_in_another_suite_and_looked_at_first(stack):
    assert "testing/snapshots/c: 3 packages" in call(
        "snapshot", "create", "testing", "c", "--from", "stable/a", "--dry-run"
    )
    call("snapshot", "create", "testing", "c", "--from", "stable/a")
    assert clients_see(stack, "testing/snapshots/c") == ["left_1", "tool_1.0", "tool_2.0"]
    said = call("snapshot", "delete", "testing", "c", "--dry-run")
    assert clients_see(stack, "testing/snapshots/c") != []
    assert "15 objects" in said
    assert refused("snapshot", "delete", "testing", "ghost").code == "snapshot_refused"  # before it asks
    assert "3 packages" in call("snapshot", "create", "stable", "d", "--dry-run")
    put(stack, "tool_4.0")
    was = Publication.objects.filter(suite="stable", packages=3).first().release_sha256[:9]
    said = call("snapshot", "create", "stable", "d", "--from", was, "--dry-run")
    assert said.splitlines()[-1] == "  tool amd64: 4.0 → 2.0"
    assert described_snapshot(stack.bucket, "stable", "d") is None
