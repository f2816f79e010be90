"""Retention: what goes out of a suite by a policy, what stays and why, and the way back."""

from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.errors import CandidateHeld, PackageRefused, RightMissing
from packages_app.core.policies import RetentionPolicy
from packages_app.core.ports import Silent
from packages_app.core.retaining import DEPENDED, ELSEWHERE, NEWEST, NO_POLICY, NOT_SHOWN, YOUNG, Held, retained
from packages_app.core.suite_change import What, change_of
from packages_app.core.version import version_key
from packages_app.models import Job, Publication
from packages_app.services import adapters
from packages_app.services.lifecycle.move import keys_selected, request_move
from packages_app.services.lifecycle.protected import BROUGHT_BACK, JUST_CAME, PINNED, SNAPSHOT
from packages_app.services.lifecycle.publications import pin
from packages_app.services.lifecycle.purge import request_purge
from packages_app.services.lifecycle.retention import HELD_BACK, plan_retention, request_retention
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.publication.publish import publish
from packages_app.services.scheduled import start_scheduled
from packages_app.services.snapshots.snapshots import create_snapshot, snapshots_naming
from packages_app.services.sweep import sweep
from packages_app.services.verification.verify_pool import verify_pool
from packages_app.sweeping.let_go import keeps_file
from packages_app.verification.finding import PoolScope
from packages_app.verification.reader import StoredObjects, View
from tests.commands.calling import call, refused
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO, clients_see, do, indexes, put
from tests.services.test_sweep import Between

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def held(name, version, architecture="amd64", *, days=100, **more):
    at = NOW - timedelta(days=days) if days is not None else None
    gives = ((name, version_key(version)), *more.pop("provides", ()))
    key = (f"{name}#{version}", architecture)
    return Held(key, name, version_key(version), at, 10, more.pop("suites", ("stable",)), gives=gives, **more)


def goes(versions, policy, protected=None):
    found = retained(versions, lambda name: policy, NOW, lambda those: protected or {})
    return [one.key[0].partition("#")[2] for one in found.going], found.stays


def test_newest_are_so_in_dpkgs_order_by_architecture():
    versions = ["1.0~rc1", "1.0", "1.0+b1", "1:0.1", "1.10", "1.9"]
    there = [held("tool", version) for version in versions] + [held("tool", "1.0", "arm64")]
    assert goes(there, RetentionPolicy(newest=3)) == (["1.0~rc1", "1.0", "1.0+b1"], {NEWEST: 4})
    assert goes(there, None) == ([], {NO_POLICY: 7})


def test_age_never_takes_the_newest_and_keeps_what_is_young_or_of_no_known_age():
    there = [held("tool", "1"), held("tool", "2", days=5), held("tool", "3", days=None), held("tool", "4")]
    policy = RetentionPolicy(age=timedelta(days=30))
    assert goes(there, policy) == (["1"], {NEWEST: 1, YOUNG: 2})


def test_what_clients_do_not_get_is_none_of_the_newest():
    there = [held("tool", "1"), held("tool", "2"), held("tool", "3", shown=False)]
    assert goes(there, RetentionPolicy()) == (["1"], {NEWEST: 1, NOT_SHOWN: 1})


def test_another_suite_keeps_it_where_the_policy_says_so():
    there = [held("tool", "1", suites=("stable", "testing")), held("tool", "2")]
    assert goes(there, RetentionPolicy())[0] == ["1"]
    assert goes(there, RetentionPolicy(in_other_suites=True)) == ([], {ELSEWHERE: 1, NEWEST: 1})


def test_what_a_kept_package_needs_by_its_version_stays_and_what_that_needs():
    there = [
        held("app", "2", needs=(("lib", version_key("1")),)), held("lib", "1", needs=(("virtual", version_key("5")),)),
        held("lib", "2"), held("data", "1", provides=(("virtual", version_key("5")),)), held("data", "2"),
        held("app", "1", needs=(("lib", version_key("0")),)), held("lib", "0"),
    ]  # fmt: skip
    assert goes(there, RetentionPolicy()) == (["1", "0"], {NEWEST: 3, DEPENDED: 2})
    assert goes(there, RetentionPolicy(), {("app#1", "amd64"): "pinned"}) == ([], {NEWEST: 3, DEPENDED: 3, "pinned": 1})


def of_stable(**retain):
    return [{"name": "stable", "retain": retain}, *TWO[1:]]


def test_the_clock_takes_out_what_the_policy_does_not_keep_and_restoring_brings_it_back(embedded):
    embedded.configure(suites=of_stable(newest=2))
    put(embedded, "tool_1.0", "tool_2.0", "tool_3.0", "other_1", suites=("stable", "testing"))
    before = indexes(embedded)
    assert [job.subject for job in start_scheduled("retain")] == ["stable"]
    [job, *_] = embedded.run_jobs()
    assert (job.state, job.result["moved"]) == ("done", 1)
    assert clients_see(embedded) == ["other_1", "tool_2.0", "tool_3.0"]
    assert "tool_1.0" in clients_see(embedded, "testing")
    [change] = embedded.table.suite_changes_of("tool", "1.0")
    assert (change.what, change.before, change.after) == (What.RETAINED, ("stable", "testing"), ("testing",))
    assert str(RetentionPolicy(newest=2)) == change.reason
    do(embedded, What.RESTORED, "tool (= 1.0)", reason="")
    assert indexes(embedded) == before
    assert start_scheduled("retain")
    embedded.run_jobs()
    assert indexes(embedded) == before
    assert plan_retention("stable").stays == {NEWEST: 3, BROUGHT_BACK: 1}


def test_a_definition_has_a_policy_of_its_own(embedded):
    embedded.configure(suites=of_stable(newest=1))
    embedded.define_uploads("tool", retain={"newest": 2})
    put(embedded, "tool_1", "tool_2", "tool_3", "other_1", "other_2")
    plan = plan_retention("stable")
    assert [one.key[0] for one in plan.going] == ["other#1", "tool#1"]
    assert plan.freed == sum(one.size for one in plan.going) > 0


def test_without_a_policy_nothing_goes_and_nothing_is_asked_for(embedded):
    put(embedded, "tool_1", "tool_2")
    assert start_scheduled("retain") == []
    assert "all versions stay" in call("retain", "--yes")
    assert clients_see(embedded) == ["tool_1", "tool_2"]


def test_a_dependency_is_read_from_the_record(embedded):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "lib_1.0", "lib_2.0")
    control = "Package: app\nPre-Depends: lib:any (=1.0), x (>= 1)\n"
    embedded.table.put_new(make_record("app", "1", control=control))
    assert plan_retention("stable").going == ()
    assert plan_retention("stable").stays == {NEWEST: 1, NOT_SHOWN: 1, DEPENDED: 1}


def test_what_is_not_published_yet_takes_nobodys_place(embedded):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1")
    embedded.table.put_new(make_record("tool", "2"))
    assert (plan_retention("stable").going, plan_retention("stable").stays) == ((), {NEWEST: 1, NOT_SHOWN: 1})


def test_a_definition_with_faults_leaves_its_suite_alone(embedded):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1", "tool_2")
    embedded.define_uploads("tool", retain={"newest": 9, "days": "many"})
    assert "tool.yaml has faults" in plan_retention("stable").kept_back
    start_scheduled("retain")
    embedded.run_jobs()
    assert clients_see(embedded) == ["tool_1", "tool_2"]


def test_what_was_promoted_lately_has_its_days(embedded):
    embedded.configure(suites=of_stable(days=30))
    put(embedded, "tool_1", suites=("testing",))
    put(embedded, "tool_2")
    [old] = embedded.table.get_many([("tool#1", "amd64")]).values()
    change = change_of(old, ["stable", "testing"], What.PROMOTED, who="ann", when=adapters.now())
    embedded.table.set_suites(old, ["stable", "testing"], change)
    publish("stable", Silent())
    assert plan_retention("stable").stays == {NEWEST: 1, JUST_CAME: 1}


def test_what_a_pinned_publication_or_a_snapshot_holds_stays(embedded):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1")
    pin(Publication.objects.filter(suite="stable"), None, pinned=True)
    put(embedded, "tool_2")
    keys = keys_selected("tool (= 1)")
    withdraw = Move(What.WITHDRAWN, tuple(keys), ("stable",))
    request_move(withdraw, "to be alone in the snapshot")
    embedded.run_jobs()
    create_snapshot("stable", "q4", Silent())
    assert snapshots_naming("tool", keys_selected("tool (= 2)")).named == ("stable q4",)
    assert snapshots_naming("tool", keys).named == ()
    do(embedded, What.RESTORED, "tool (= 1)", reason="")
    put(embedded, "tool_3")
    assert plan_retention("stable").stays == {NEWEST: 1, PINNED: 1, SNAPSHOT: 1}


def test_a_suite_with_a_held_candidate_is_left_alone(embedded):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1", "tool_2")
    job = request_retention(["stable"])[0]
    embedded.table.put_new(make_record("ghost"))  # whose file is in no pool
    embedded.run_jobs()
    job.refresh_from_db()
    assert job.result["moved"] == 1
    with pytest.raises(CandidateHeld):
        publish("stable", Silent())
    assert plan_retention("stable").kept_back == HELD_BACK


def test_the_command_shows_what_goes_and_asks(embedded):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1", "tool_2")
    said = call("retain", "--dry-run")
    assert "tool 1 amd64" in said
    assert "1 among the newest" in said
    assert refused("retain").returncode == 2
    assert not Job.objects.filter(kind="retain").exists()
    assert "publish stable: done" in call("retain", "stable", "--yes")
    assert clients_see(embedded) == ["tool_2"]


def test_only_what_was_consented_to_goes(embedded, django_user_model):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1", "tool_2")
    [job] = request_retention(["stable"], consented={"stable": [("tool#1", "amd64")]})
    put(embedded, "tool_3")
    embedded.run_jobs()
    job.refresh_from_db()
    assert clients_see(embedded) == ["tool_2", "tool_3"]
    with pytest.raises(PackageRefused):
        request_retention(["nowhere"])
    with pytest.raises(RightMissing):
        request_retention(user=django_user_model.objects.create_user("ann"))


def test_the_page_takes_just_what_it_showed(embedded, admin_client):
    embedded.configure(suites=of_stable(newest=1))
    put(embedded, "tool_1", "tool_2")
    page = "/admin/packages_app/publication/retain/"
    shown = admin_client.get(page, {"suite": "stable"})
    assert shown.status_code == 200
    digest = shown.context["plan"].digest
    put(embedded, "tool_3")
    answer = admin_client.post(page, {"suite": "stable", "digest": digest, "consent": "1"})
    assert answer.status_code == 200
    assert not Job.objects.filter(kind="retain").exists()
    digest = answer.context["plan"].digest
    assert admin_client.post(page, {"suite": "stable", "digest": digest, "consent": "1"}).status_code == 302
    embedded.run_jobs()
    assert clients_see(embedded) == ["tool_3"]
    assert admin_client.get(page, {"suite": "nowhere"}).status_code == 302


def test_the_file_of_what_went_is_swept_after_its_days_and_comes_back_until_it_is_gone(embedded, settings):
    settings.SWEEP_GENERATIONS, settings.SWEEP_DAYS = 1, 14
    embedded.configure(suites=of_stable(newest=1))
    records = put(embedded, "tool_1", "tool_2", "tool_3")
    files = [record.pool_path for record in records]
    do(embedded, What.WITHDRAWN, "tool (= 2)")  # by a person: its file stays for him
    call("retain", "--yes")
    now = adapters.now()
    assert sweep(Silent(), now=now + timedelta(days=13))["pool"]["objects"] == 0
    assert sweep(Silent(), now=now + timedelta(days=15))["pool"]["first"] == [files[0]]
    assert embedded.bucket.head(files[0]) is None
    assert found_later(days=15) == set()
    do(embedded, What.RESTORED, "tool (= 1)", reason="")
    assert embedded.bucket.head(files[0]) is not None
    assert clients_see(embedded) == ["tool_1", "tool_3"]
    take_out(embedded, "tool_1")
    sweep(Silent(), now=now + timedelta(days=15))
    sweep(Silent(), now=now + timedelta(days=40))
    assert [*embedded.staging.keys("swept/")] == []
    request_move(Move(What.RESTORED, tuple(keys_selected("tool"))), "")
    [job] = embedded.run_jobs()
    assert (job.state, job.error_code) == ("failed", "file_swept")
    assert "tool 1 amd64" in job.error
    assert clients_see(embedded) == ["tool_3"]
    assert (found_later(days=15), found_later(days=13)) == (set(), {"pool_missing"})


def test_a_file_that_a_person_may_want_back_stays(embedded):
    at, later = NOW, NOW + timedelta(days=1)
    for name, first in (("ours", What.WITHDRAWN), ("theirs", What.RETAINED)):
        record = make_record(name, suites=("stable", "testing"))
        embedded.table.put_new(record)
        record = embedded.table.set_suites(record, ["testing"], change_of(record, ["testing"], first, who="x", when=at))
        record = embedded.table.set_suites(record, [], change_of(record, [], What.RETAINED, who="x", when=at))
        assert keeps_file(embedded.table, record, at) is True  # its days are not over
        assert keeps_file(embedded.table, record, later) is (first is What.WITHDRAWN)


def take_out(stack, name):
    """Take a version out as a policy did, whatever keeps it now."""
    name, _, version = name.partition("_")
    record = stack.table.get(name, version, "amd64")
    stack.table.set_suites(record, [], change_of(record, [], What.RETAINED, who="clock", when=adapters.now()))
    publish("stable", Silent())


def found_later(*, days):
    """The codes of what a verification of the pool finds some days from now."""
    reconcile_mirror(Silent())
    view = View(StoredObjects(adapters.bucket()), None, adapters.now() + timedelta(days=days))
    findings, _ = verify_pool(
        view, Silent(), suites=None, pool=PoolScope.NONE, sample=0, seed="", orphan_age=timedelta(days=1)
    )
    return {finding.code for finding in findings}


def test_histories_are_asked_for_together(embedded):
    embedded.configure(suites=[{**TWO[0], "retain": {"newest": 1}}])
    put(embedded, "tool_1", "tool_2", "tool_3", "other_1", "other_2")
    asked, inner = [], embedded.table

    def together(versions):
        asked.append(len(versions))
        return inner.histories_of(versions)

    def one_by_one(name, version):
        raise AssertionError(f"asked for {name} {version} alone")

    table = Between(inner, histories_of=together, suite_changes_of=one_by_one)
    with adapters.given(adapters.Ports(table, embedded.bucket, embedded.staging)):
        assert len(plan_retention("stable").going) == 3
        keys = keys_selected("tool")
        request_purge(keys, "a key is in it", "tool", requested_as="root", wake_worker=False)
    assert asked == [3, 3]
