"""Withdrawn and restored: what clients see, what the history says, and who comes in between."""

import json
import platform

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from packages_app.core.errors import PackageRefused, RightMissing
from packages_app.core.layout import suite_path
from packages_app.core.ports import Silent
from packages_app.core.suite_change import What, change_of
from packages_app.models import Job, Package, Publication
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.move import do_move, keys_selected, preview_move, request_move
from packages_app.services.lifecycle.rollback import request_rollback
from packages_app.services.lifecycle.steps import Move, steps_of
from packages_app.services.mirror.packages import mirror_differences, mirror_records, reconcile_mirror
from packages_app.services.publication.publish import publish
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.sweeping.sweep import SWEPT
from tests.debs import build_deb
from tests.faults.ports import Calls, FaultyPort, Way
from tests.reader import read_suite
from tests.records import make_record

TWO = [{"name": "stable"}, {"name": "testing", "codename": "testing"}]


def put(stack, *names, suites=("stable",)):
    """Put packages named `name_version` into pool and table, and publish; gives the records."""
    records = []
    for name, _, version in (name.partition("_") for name in names):
        record = make_record(name, version).in_suites(suites)
        stack.table.put_new(record)
        stack.bucket.put(record.pool_path, f"{name}#{version}#amd64".encode())
        records.append(record)
    mirror_records(records)
    for suite in adapters.repository().suites:
        publish(suite.name, Silent())
    return records


def clients_see(stack, suite="stable"):
    found = read_suite(stack.bucket, adapters.signer().public_keyring(), suite)
    return sorted(f"{name}_{version}" for name, version, architecture in found if architecture == "amd64")


def do(stack, what, query, *suites, to="", newer=False, reason="it breaks", **more):
    request_move(Move(what, tuple(keys_selected(query)), suites, to, newer), reason, **more)
    jobs = stack.run_jobs()
    assert {job.state for job in jobs} == {"done"}, [job.error for job in jobs]


def indexes(stack):
    return {key: body for key, body in stack.dists().items() if key.endswith("/Packages")}


def test_a_withdrawn_version_leaves_clients_and_comes_back_as_it_was(embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_1.0", "tool_2.0", "other_1", suites=("stable", "testing"))
    before = indexes(embedded)
    [said, *_] = preview_move(Move(What.WITHDRAWN, (("tool#2.0", "amd64"),), ("stable",))).seen
    assert (said.suite, said.before, said.after, said.goes_back) == ("stable", "2.0", "1.0", True)
    do(embedded, What.WITHDRAWN, "tool (= 2.0)", "stable", requested_as="root")
    assert clients_see(embedded) == ["other_1", "tool_1.0"]
    assert clients_see(embedded, "testing") == ["other_1", "tool_1.0", "tool_2.0"]
    [change] = embedded.table.suite_changes_of("tool", "2.0")
    assert (change.what, change.before, change.after) == (What.WITHDRAWN, ("stable", "testing"), ("testing",))
    assert (change.who, change.reason) == (f"root on {platform.node()} (command)", "it breaks")
    memberships = Package.objects.get(package_id="tool#2.0").memberships
    assert list(memberships.values_list("suite", flat=True)) == ["testing"]
    do(embedded, What.RESTORED, "tool (= 2.0)", reason="")
    assert indexes(embedded) == before
    force_rebuild([], Silent())
    assert indexes(embedded) == before
    assert [one.what for one in embedded.table.suite_changes_of("tool", "2.0")] == [What.WITHDRAWN, What.RESTORED]


def test_a_query_that_selects_all_of_a_suite_says_that_nothing_is_left(embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_1.0", "other_1")
    put(embedded, "tool_2.0", suites=("testing", "stable"))
    for query, emptied in (("Name (% *)", ("stable", "testing")), ("tool", ("testing",)), ("other", ())):
        assert preview_move(Move(What.WITHDRAWN, tuple(keys_selected(query)))).emptied == emptied


def test_without_suites_it_leaves_all_and_its_file_stays(embedded):
    embedded.configure(suites=TWO)
    [record] = put(embedded, "tool_1.0", suites=("stable", "testing"))
    do(embedded, What.WITHDRAWN, "tool")
    assert clients_see(embedded) == clients_see(embedded, "testing") == []
    assert embedded.bucket.head(record.pool_path) is not None
    assert embedded.table.get("tool", "1.0", "amd64").suites == ()
    reconcile_mirror(Silent())
    assert keys_selected("tool") == [record.key]
    do(embedded, What.RESTORED, "tool", "testing", reason="")
    assert (clients_see(embedded), clients_see(embedded, "testing")) == ([], ["tool_1.0"])


def test_an_upload_of_a_withdrawn_version_is_refused_and_told_why(embedded, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    do(embedded, What.WITHDRAWN, "tool", reason="a password is in it")
    stage_upload(deb, deb.name)
    [job] = embedded.run_jobs()
    assert (job.state, job.error_code) == ("failed", "version_withdrawn")
    assert "a password is in it" in job.error
    assert "restore_version" in job.remedy
    assert clients_see(embedded) == []
    do(embedded, What.RESTORED, "tool", reason="")
    stage_upload(deb, deb.name)
    assert [job.state for job in embedded.run_jobs()] == ["done"]
    assert clients_see(embedded) == ["tool_1.0"]


def test_what_makes_no_sense_is_refused_and_changes_nothing(embedded):
    put(embedded, "tool_1.0")
    keys = keys_selected("tool")
    for what, suites, reason in (
        (What.WITHDRAWN, (), " \n"), (What.WITHDRAWN, ("nowhere",), "x"), (What.RESTORED, (), ""),
    ):  # fmt: skip
        with pytest.raises(PackageRefused):
            request_move(Move(what, tuple(keys), suites), reason)
    with pytest.raises(PackageRefused):
        keys_selected("ghost")
    with pytest.raises(RightMissing):
        request_move(Move(What.WITHDRAWN, tuple(keys)), "x", user=get_user_model().objects.create_user("ann"))
    assert not Job.objects.filter(kind="move").exists()
    assert embedded.table.suite_changes_of("tool", "1.0") == []


def test_the_right_is_asked_for_again_when_the_work_begins(embedded):
    put(embedded, "tool_1.0")
    ann = get_user_model().objects.create_user("ann")
    right = Permission.objects.get(codename="publish_suite")
    ann.user_permissions.add(right)
    ann = get_user_model().objects.get(pk=ann.pk)
    request_move(Move(What.WITHDRAWN, tuple(keys_selected("tool"))), "x", user=ann)
    ann.user_permissions.remove(right)
    [job] = embedded.run_jobs()
    assert (job.state, job.error_code) == ("failed", "right_missing")
    assert clients_see(embedded) == ["tool_1.0"]


def test_who_comes_in_between_loses_nothing(embedded):
    """Another one adds the version to a suite after the plan was made: that suite is kept."""
    embedded.configure(suites=TWO)
    [record] = put(embedded, "tool_1.0")
    job = request_move(Move(What.WITHDRAWN, (record.key,), ("stable",)), "x")
    embedded.table.set_suites(record, ["stable", "testing"])
    assert embedded.run_jobs()[0].result["moved"] == 1
    job.refresh_from_db()
    assert embedded.table.get(*_named(record)).suites == ("testing",)


def test_a_job_that_died_is_completed_by_the_next_run(embedded):
    put(embedded, *(f"tool{number}_1" for number in range(6)))
    job = request_move(Move(What.WITHDRAWN, tuple(keys_selected("tool*"))), "x")

    class Dies(Silent):
        def advance(self, done, total):
            raise KeyboardInterrupt

    for record in embedded.records()[:3]:  # as a worker leaves it that was killed: no row, no publication
        embedded.table.set_suites(record, [])
    with pytest.raises(KeyboardInterrupt):
        do_move(job, Dies())
    assert do_move(job, Silent())["moved"] == 0
    embedded.run_jobs()
    assert clients_see(embedded) == []
    assert not Package.objects.filter(memberships__isnull=False).exists()


def test_a_move_of_many_that_died_between_two_batches_is_completed_and_nothing_of_it_is_done_twice(embedded):
    records = [make_record(f"tool{number}") for number in range(620)]
    embedded.table.put_many_new(records)
    mirror_records(records)
    for record in records:
        embedded.bucket.put(record.pool_path, record.key[0].encode())
    publish("stable", Silent())
    job = request_move(Move(What.WITHDRAWN, tuple(record.key for record in records)), "x")

    class Dies(Silent):
        def advance(self, done, total):
            assert (done, total) == (500, 620)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        do_move(job, Dies())
    assert len(list(embedded.table.records_of("stable"))) == 120
    embedded.run_jobs()
    job.refresh_from_db()
    assert (job.state, job.result["moved"]) == ("done", 120)
    assert clients_see(embedded) == []
    assert {len(embedded.table.suite_changes_of(record.package_name, "1.0")) for record in records} == {1}
    assert mirror_differences(embedded.table.all_records()) == []


@pytest.mark.parametrize("what", [What.RESTORED, What.ROLLED_BACK])
def test_a_file_that_was_swept_is_put_back_although_who_moved_its_record_died(embedded, what):
    [record] = put(embedded, "tool_1.0")
    first = Publication.objects.first()
    do(embedded, What.WITHDRAWN, "tool")
    body = embedded.bucket.read(record.pool_path)
    embedded.staging.put(f"{SWEPT}20260102/{record.pool_path}", body)
    embedded.bucket.delete(record.pool_path)
    if what is What.RESTORED:
        request_move(Move(what, (record.key,)), "")
    else:
        request_rollback("stable", str(first.pk))
    out = embedded.table.get(*_named(record))
    change = change_of(out, ["stable"], what, who="who died", when=adapters.now())
    embedded.table.set_suites(out, ["stable"], change)
    jobs = embedded.run_jobs()
    assert {job.state for job in jobs} == {"done"}
    assert embedded.bucket.read(record.pool_path) == body
    assert clients_see(embedded) == ["tool_1.0"]
    assert embedded.table.suite_changes_of("tool", "1.0")[-1] == change


@pytest.fixture(params=["embedded", pytest.param("distributed", marks=pytest.mark.outside)])
def either(request):
    return request.getfixturevalue(request.param)


def test_of_two_people_who_move_the_same_at_once_each_has_a_clean_sum(either):
    """The second does all of it while the first, who has made his plan, is about to write."""
    either.configure(suites=TWO)
    records = put(either, "a_1", "b_1", "c_1", suites=("testing",))
    keys = tuple(record.key for record in records)
    first = request_move(Move(What.PROMOTED, keys, to="stable"), "x", requested_as="ann")
    second = request_move(Move(What.PROMOTED, keys[:2], ("testing",), to="stable"), "y", requested_as="ben")
    calls = Calls(-1, Way.OVERTAKEN, lambda: queue.run(second.pk, do_move))
    table = BeforeIts("set_suites_of_many", either.table, calls)
    with adapters.given(adapters.Ports(table, either.bucket, either.staging)):
        queue.run(first.pk, do_move)
    either.run_jobs()
    for job in (first, second):
        job.refresh_from_db()
    assert [(job.state, job.result["moved"]) for job in (first, second)] == [("done", 1), ("done", 2)]
    assert clients_see(either) == ["a_1", "b_1", "c_1"]
    assert clients_see(either, "testing") == ["c_1"]
    changes = [either.table.suite_changes_of(name, "1") for name in "abc"]
    assert [[change.reason for change in of_one] for of_one in changes] == [["y"], ["y"], ["x"]]
    assert mirror_differences(either.table.all_records()) == []


class BeforeIts(FaultyPort):
    """A table before whose first call of a name somebody else acts."""

    def __init__(self, method, table, calls):
        super().__init__("table", table, calls)
        self._method = method

    def __getattr__(self, method):
        if method == self._method and self._calls.at < 0:
            self._calls.at = len(self._calls.names)
        return super().__getattr__(method)


def test_a_promotion_puts_the_same_record_into_another_suite_and_is_undone(embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_1.0")
    put(embedded, "tool_2.0", "other_1", suites=("testing",))
    before, pool = indexes(embedded), [*embedded.bucket.keys("pool/")]
    [said] = preview_move(Move(What.PROMOTED, (("tool#2.0", "amd64"),), to="stable")).seen
    assert str(said) == "stable: tool amd64: 1.0 → 2.0"
    do(embedded, What.PROMOTED, "$Suite (testing), tool", to="stable")
    assert clients_see(embedded) == ["tool_1.0", "tool_2.0"]
    assert clients_see(embedded, "testing") == ["other_1", "tool_2.0"]
    assert [*embedded.bucket.keys("pool/")] == pool
    do(embedded, What.WITHDRAWN, "tool (= 2.0)", "stable")
    assert indexes(embedded) == before


def test_a_promotion_can_move_and_can_take_only_what_is_newer(embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_2.0", "other_1")
    put(embedded, "tool_1.0", "tool_3.0", "third_1", suites=("testing",))
    do(embedded, What.PROMOTED, "$Suite (testing)", "testing", to="stable", newer=True)
    assert clients_see(embedded) == ["other_1", "third_1", "tool_2.0", "tool_3.0"]
    assert clients_see(embedded, "testing") == ["tool_1.0"]
    with pytest.raises(PackageRefused):
        request_move(Move(What.PROMOTED, tuple(keys_selected("tool")), to="stable", newer=True), "")


def test_a_suite_without_the_place_takes_nothing(embedded):
    embedded.configure(suites=[{"name": "stable"}, {"name": "other", "codename": "other", "architectures": ["arm64"]}])
    put(embedded, "tool_1.0")
    for to in ("other", "nowhere", ""):
        with pytest.raises(PackageRefused):
            request_move(Move(What.PROMOTED, tuple(keys_selected("tool")), to=to), "")
    assert not Job.objects.filter(kind="move").exists()


def test_the_job_says_all_that_it_needs(embedded):
    [record] = put(embedded, "tool_1.0")
    job = request_move(Move(What.WITHDRAWN, (record.key,)), "x")
    assert request_move(Move(What.WITHDRAWN, (record.key,)), "x") == job
    assert json.loads(json.dumps(job.arguments))["touched"] == ["stable"]
    assert "tool 1.0 amd64" in str(job)
    assert queue.waiting_jobs(Job.Kind.MOVE)[0] == job
    assert embedded.bucket.head(suite_path("stable", "InRelease")) is not None


def _named(record):
    return record.package_name, record.version, record.architecture


def test_the_history_of_a_version_is_asked_for_once_whatever_its_architectures(embedded):
    of_two = [make_record("tool", "1.0", architecture) for architecture in ("amd64", "arm64")]
    records = [*of_two, make_record("tool", "2.0"), make_record("other", "1.0")]
    for record in records:
        embedded.table.put_new(record)
        change = change_of(record, (), What.WITHDRAWN, who="somebody", when=adapters.now(), reason="it breaks")
        embedded.table.set_suites(record, (), change)
    keys = [record.key for record in records]
    there = list(embedded.table.get_many(keys).values())
    calls = Calls()
    steps = steps_of(Move(What.RESTORED, tuple(keys)), FaultyPort("table", embedded.table, calls), there)
    assert {step.record.key: step.suites for step in steps} == dict.fromkeys(keys, ("stable",))
    assert calls.names == ["table.histories_of"]
