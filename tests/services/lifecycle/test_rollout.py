"""Roll-outs from the table alone: at intake, at a promotion, by steps, and beside what else is done to a version."""

from dataclasses import replace

import pytest

from packages_app.core.errors import PackageRefused, TableUnavailable
from packages_app.core.ports import Silent
from packages_app.core.rollout import rollouts_of
from packages_app.core.suite_change import What
from packages_app.models import Job, Package, Publication
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.history import history_of
from packages_app.services.lifecycle.move import do_move, keys_selected, preview_move, request_move
from packages_app.services.lifecycle.rollback import request_rollback
from packages_app.services.lifecycle.rollout import rollout_lines, step_rollouts
from packages_app.services.lifecycle.steps import Move
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.debs import build_deb
from tests.faults.ports import Calls, Way
from tests.rollouts import begun_before
from tests.services.lifecycle.test_move import TWO, BeforeIts, clients_see, do, indexes, put


def roll(stack, query, *steps, suites=(), reason=""):
    request_move(Move(What.ROLLED_OUT, tuple(keys_selected(query)), suites, rollout=steps), reason)
    jobs = stack.run_jobs()
    assert {job.state for job in jobs} == {"done"}, [job.error for job in jobs]


def shown(stack, suite="stable"):
    """Give what the suite's stanzas say, by package and version, in their order."""
    text = stack.bucket.read(f"dists/{suite}/main/binary-amd64/Packages").decode()
    stanzas = [
        dict(line.split(": ", 1) for line in one.splitlines() if ": " in line) for one in text.split("\n\n")[:-1]
    ]
    return {f"{one['Package']}_{one['Version']}": one.get("Phased-Update-Percentage") for one in stanzas}


def test_a_step_is_a_publication_of_one_change_and_the_table_alone_gives_the_same_bytes(embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_1.0", "tool_2.0", "other_1", suites=("stable", "testing"))
    before = indexes(embedded)
    roll(embedded, "tool (= 2.0)", 10, 100, suites=("stable",), reason="carefully")
    assert shown(embedded) == {"other_1": None, "tool_1.0": None, "tool_2.0": "10"}
    assert set(shown(embedded, "testing").values()) == {None}
    last = Publication.objects.filter(suite="stable").first()
    assert (last.added_count, last.removed_count, last.packages) == (0, 0, 3)
    now = indexes(embedded)
    assert step_rollouts() is None
    begun_before(embedded.table, 0.5)
    assert step_rollouts() is None
    force_rebuild([], Silent())
    assert indexes(embedded) == now
    begun_before(embedded.table, 0.6)
    assert step_rollouts() is not None
    embedded.run_jobs()
    assert indexes(embedded) == before
    changes = embedded.table.suite_changes_of("tool", "2.0")
    assert [(one.what, one.rollout, one.reason) for one in changes] == [
        (What.ROLLED_OUT, "stable 100 % → 10 %", "carefully"), (What.ROLLED_OUT, "stable 10 % → 100 %", ""),
    ]  # fmt: skip
    assert embedded.table.get("tool", "2.0", "amd64").other_fields == ""
    assert "given to stable 10 % → 100 % of clients" in history_of(Package.objects.get(package_id="tool#2.0"))[-1]


def test_whatever_is_moved_leaves_nothing_pending_in_the_suites_where_it_stays(embedded):
    embedded.configure(suites=TWO)
    put(embedded, "tool_1.0", "other_1", suites=("stable", "testing"))
    put(embedded, "new_1", suites=("testing",))
    before = indexes(embedded)["dists/testing/main/binary-amd64/Packages"]
    last = Publication.objects.filter(suite="testing").first()

    def nothing_waits():
        pending = [embedded.table.pending_changes_of(suite) for suite in ("stable", "testing")]
        return (pending, Publication.objects.filter(suite="testing").first()) == ([[], []], last)

    roll(embedded, "tool", 10, 100, suites=("stable",))
    assert nothing_waits()
    do(embedded, What.PROMOTED, "new", to="stable")
    assert nothing_waits()
    do(embedded, What.WITHDRAWN, "other", "stable")
    assert nothing_waits()
    assert indexes(embedded)["dists/testing/main/binary-amd64/Packages"] == before
    request_rollback("stable", str(Publication.objects.filter(suite="stable").last().pk))
    embedded.run_jobs()
    assert nothing_waits()
    # Who loses the answer to the write leaves it to whoever does the job again.
    job = request_move(Move(What.ROLLED_OUT, tuple(keys_selected("tool")), ("stable",), rollout=(50,)), "")
    table = BeforeIts("set_suites_of_many", embedded.table, Calls(-1, Way.ERROR_AFTER))
    with adapters.given(adapters.Ports(table, embedded.bucket, embedded.staging)), pytest.raises(TableUnavailable):
        do_move(job, Silent())
    embedded.run_jobs()
    assert nothing_waits()


def test_only_a_changed_record_is_read_for_a_step(embedded):
    put(embedded, "tool_1.0", "other_1")
    request_move(Move(What.ROLLED_OUT, tuple(keys_selected("tool")), rollout=(10, 100)), "")
    [_, publication] = embedded.run_jobs()
    assert [step["name"] for step in publication.steps if step["name"].startswith(("render", "collect"))] == [
        "render changes"
    ]


def test_a_definition_rolls_each_new_version_out_anew_and_an_upload_may_say_otherwise(embedded, tmp_path):
    embedded.define_uploads("tool", rollout=[10, 25, 100])
    for version, rollout in (("1.0", ()), ("2.0", ()), ("3.0", (50,)), ("4.0", (100,))):
        deb = build_deb(tmp_path, "tool", version)
        stage_upload(deb, deb.name, rollout=rollout)
        embedded.run_jobs()
        begun_before(embedded.table, 1) if version == "1.0" else None
        step_rollouts()
        embedded.run_jobs()
    assert shown(embedded) == {"tool_1.0": "25", "tool_2.0": "10", "tool_3.0": "50", "tool_4.0": None}
    [line] = rollout_lines(Package.objects.get(package_id="tool#1.0"))
    assert "stable: given to 25 % of clients, by steps of 10, 25, 100" in line


def test_a_promotion_begins_one_in_its_suite_by_its_own_steps_or_the_definitions(embedded):
    embedded.configure(suites=TWO)
    embedded.define_uploads("tool", rollout=[5, 100])
    put(embedded, "tool_1.0", "other_1", suites=("testing",))
    keys = tuple(keys_selected("$Suite (testing)"))
    assert preview_move(Move(What.PROMOTED, keys, to="stable")).rolled == ("tool 1.0 amd64: stable 5 %",)
    do(embedded, What.PROMOTED, "$Suite (testing)", to="stable")
    assert shown(embedded) == {"other_1": None, "tool_1.0": "5"}
    assert shown(embedded, "testing") == {"other_1": None, "tool_1.0": None}
    do(embedded, What.WITHDRAWN, "tool", "stable")
    request_move(Move(What.PROMOTED, (("tool#1.0", "amd64"),), to="stable", rollout=(20, 100)), "")
    embedded.run_jobs()
    assert shown(embedded)["tool_1.0"] == "20"
    roll(embedded, "other", 30, suites=("stable",))
    do(embedded, What.WITHDRAWN, "other", "stable")
    do(embedded, What.PROMOTED, "other", to="stable")  # anew, and nobody said anything of steps
    assert shown(embedded)["other_1"] is None


def test_withdrawn_and_restored_it_is_where_it_was_and_stopped_it_stays(embedded):
    put(embedded, "tool_1.0", "other_1")
    roll(embedded, "tool", 10, 100)
    before = indexes(embedded)
    do(embedded, What.WITHDRAWN, "tool")
    begun_before(embedded.table, 5)
    assert step_rollouts() is None
    do(embedded, What.RESTORED, "tool", reason="")
    assert indexes(embedded) == before
    roll(embedded, "tool", 0)
    begun_before(embedded.table, 5)
    assert step_rollouts() is None
    assert shown(embedded)["tool_1.0"] == "0"


def test_who_stops_it_while_the_clock_takes_a_step_is_obeyed(embedded):
    [record] = put(embedded, "tool_1.0")
    roll(embedded, "tool", 10, 25, 100)
    begun_before(embedded.table, 1)
    job = step_rollouts()
    stop = request_move(Move(What.ROLLED_OUT, (record.key,), rollout=(0,)), "it crashes")
    do_move(stop, Silent())
    assert do_move(job, Silent())["moved"] == 0
    assert rollouts_of(embedded.table.get("tool", "1.0", "amd64"))["stable"].percent == 0
    embedded.run_jobs()
    assert shown(embedded) == {"tool_1.0": "0"}


def test_what_makes_no_sense_is_refused_and_changes_nothing(embedded):
    [record] = put(embedded, "tool_1.0")
    for move in (
        Move(What.ROLLED_OUT, (record.key,), rollout=(100,)), Move(What.ROLLED_OUT, (record.key,), rollout=(50, 10)),
        Move(What.ROLLED_OUT, (record.key,), ("nowhere",), rollout=(10,)), Move(What.ROLLED_OUT, (record.key,)),
    ):  # fmt: skip
        with pytest.raises(PackageRefused):
            request_move(move, "")
    assert not Job.objects.filter(kind="move").exists()
    assert embedded.records() == [record]
    assert clients_see(embedded) == ["tool_1.0"]


def test_a_definition_with_other_steps_names_its_fault(embedded):
    for number, steps in enumerate(([], [0.5], "10", [True], [50, 10], [101], [10, 25])):
        embedded.define_uploads(f"tool{number}", rollout=steps)
    found = adapters.definitions()
    assert sorted(problem.file for problem in found.problems) == [f"tool{number}.yaml" for number in range(6)]
    assert {problem.field for problem in found.problems} == {"rollout"}
    assert found.by_name["tool6"].rollout == (10, 25)


def test_a_job_done_again_changes_nothing_more(embedded):
    [record] = put(embedded, "tool_1.0")
    job = request_move(Move(What.ROLLED_OUT, (record.key,), rollout=(10, 100)), "")
    assert [do_move(job, Silent())["moved"] for _ in range(2)] == [1, 0]
    embedded.run_jobs()
    once = replace(record, other_fields=embedded.records()[0].other_fields)
    assert embedded.records() == [once]
    assert len(embedded.table.suite_changes_of("tool", "1.0")) == 1
