"""Promotion by a definition's policy: what is due, what waits and why, and what the history says."""

from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.suite_change import What, change_of, taken_in
from packages_app.models import Conflict, HeldCandidate
from packages_app.services import adapters
from packages_app.services.scheduled import start_scheduled
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO, clients_see, do, put

POLICY = {"from": "testing", "to": "stable", "after_days": 3}


@pytest.fixture
def policed(embedded):
    embedded.configure(suites=TWO)
    embedded.define_uploads("tool", suites=["testing"], promote=POLICY)
    return embedded


def come(stack, version, *, days, name="tool"):
    """Let a version come into testing some days ago, by its history."""
    record = make_record(name, version, suites=("testing",), processed_timestamp=datetime.now(UTC).isoformat())
    when = adapters.now() - timedelta(days=days)
    stack.table.put_new(record, taken_in(record, who="ann", way="upload", when=when))
    put(stack, f"{name}_{version}", suites=("testing",))
    return record


def promote():
    """What the clock's job says."""
    [job] = start_scheduled("promote_by_policy")
    return job


def done(stack, job):
    stack.run_jobs()
    job.refresh_from_db()
    assert job.state == "done", job.error
    return job.result


def test_what_has_been_there_long_enough_and_is_newer_comes_by_itself_and_the_history_says_so(policed):
    put(policed, "tool_1.5")
    for version, days in (("1.0", 9), ("2.0", 5), ("2.1", 4), ("3.0", 2)):
        come(policed, version, days=days)
    put(policed, "other_1", suites=("testing",))
    assert done(policed, promote()) == {"promoted": ["tool 2.1 amd64"], "waiting": []}
    assert clients_see(policed) == ["tool_1.5", "tool_2.1"]
    change = policed.table.suite_changes_of("tool", "2.1")[-1]
    assert (change.what, change.who, change.after) == (What.PROMOTED, "promote of tool.yaml", ("stable", "testing"))
    assert change.reason == "3 days in testing"
    assert done(policed, promote())["promoted"] == []


def test_its_days_begin_when_it_came_into_the_suite(policed):
    [record] = put(policed, "tool_1.0", suites=())
    record = policed.table.get("tool", "1.0", "amd64")
    change = change_of(record, ["testing"], What.PROMOTED, who="ann", when=adapters.now())
    policed.table.set_suites(record, ["testing"], change)
    assert done(policed, promote()) == {"promoted": [], "waiting": []}


def test_what_was_withdrawn_from_the_target_does_not_come_again(policed):
    come(policed, "1.0", days=5)
    assert done(policed, promote())["promoted"] == ["tool 1.0 amd64"]
    do(policed, What.WITHDRAWN, "tool", "stable")
    assert done(policed, promote()) == {"promoted": [], "waiting": []}


def test_an_open_conflict_and_a_held_candidate_keep_it_where_it_is(policed):
    come(policed, "1.0", days=5)
    conflict = Conflict.objects.create(package_name="tool", version="0.9", architecture="amd64", known_sha256="0")
    assert done(policed, promote()) == {"promoted": [], "waiting": ["tool: it has an open conflict"]}
    Conflict.objects.filter(pk=conflict.pk).update(settled=True)
    held = HeldCandidate.objects.create(suite="testing", findings=[], digest="0", packages=1, seen=adapters.now())
    [waits] = done(policed, promote())["waiting"]
    assert "held back" in waits
    held.delete()
    assert done(policed, promote())["promoted"] == ["tool 1.0 amd64"]


def test_a_policy_may_wait_for_neither(policed):
    policed.define_uploads("tool", suites=["testing"], promote={**POLICY, "unless": ["held"]})
    come(policed, "1.0", days=5)
    Conflict.objects.create(package_name="tool", version="0.9", architecture="amd64", known_sha256="0")
    assert done(policed, promote())["promoted"] == ["tool 1.0 amd64"]


def test_a_target_without_the_place_is_named_and_without_policies_nothing_is_asked_for(embedded):
    embedded.configure(suites=[{"name": "stable", "architectures": ["arm64"]}, {**TWO[1], "architectures": ["amd64"]}])
    assert start_scheduled("promote_by_policy") == []
    embedded.define_uploads("tool", suites=["testing"], promote=POLICY)
    come(embedded, "1.0", days=5)
    [waits] = done(embedded, promote())["waiting"]
    assert "amd64, which suite stable lacks" in waits
