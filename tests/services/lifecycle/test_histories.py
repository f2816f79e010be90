"""Random histories of all that is done to versions: each step undone, clients have the bytes of before."""

import random
from datetime import timedelta

import pytest

from packages_app.core.errors import PackageRefused
from packages_app.core.ports import Silent
from packages_app.core.rollout import percentage_in
from packages_app.core.suite_change import RESTORABLE, What, taken_in, withdrawn_from
from packages_app.models import Job, Publication
from packages_app.services import adapters
from packages_app.services.lifecycle.move import request_move
from packages_app.services.lifecycle.promotion import request_promotion
from packages_app.services.lifecycle.retention import request_retention
from packages_app.services.lifecycle.rollback import request_rollback
from packages_app.services.lifecycle.rollout import step_rollouts
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_differences
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.snapshots.snapshots import create_snapshot, delete_snapshot
from tests.records import make_record
from tests.rollouts import begun_before
from tests.services.lifecycle.test_move import TWO, put

NAMES, SUITES = ("aa", "bb", "cc"), ("stable", "testing")
ACTS = ("withdraw", "restore", "promote", "demote", "roll out", "step", "retain", "policy", "roll back",
        "snapshot")  # fmt: skip
POLICY = {"from": "testing", "to": "stable", "after_days": 3}


def began(stack):
    """Let there be versions in both suites, and some in testing that a policy has for stable."""
    stack.configure(suites=[{"name": "stable", "retain": {"newest": 2}}, TWO[1]])
    stack.define_uploads("aa", suites=["testing"], promote=POLICY)
    for version in ("4", "5"):
        record, when = make_record("aa", version, suites=("testing",)), adapters.now() - timedelta(days=5)
        stack.table.put_new(record, taken_in(record, who="ann", way="upload", when=when))
    put(stack, "aa_4", "aa_5", suites=("testing",))
    put(stack, *(f"{name}_{version}" for name in NAMES for version in "123"), suites=SUITES)


def act(chance, what, step):
    """Ask for something; raise `PackageRefused` where it makes no sense now."""
    keys = tuple((f"{name}#{version}", "amd64") for name in chance.choice((NAMES[:1], NAMES[1:2], NAMES))
                 for version in chance.choice(("1", "3", "12", "123", "45" if name == "aa" else "2")))  # fmt: skip
    to, other = chance.sample(SUITES, 2)
    some = chance.choice([(), (to,)])
    steps = chance.choice([(), (10, 50, 100), (0,), (100,)])
    of_stable = Publication.objects.filter(suite="stable")
    moves = {
        "withdraw": Move(What.WITHDRAWN, keys, some), "restore": Move(What.RESTORED, keys, some),
        "promote": Move(What.PROMOTED, keys, to=to, rollout=steps), "demote": Move(What.PROMOTED, keys, (other,), to),
        "roll out": Move(What.ROLLED_OUT, keys, (to,), rollout=steps),
    }  # fmt: skip
    others = {
        "step": lambda: (begun_before(adapters.package_table(), 1), step_rollouts()),
        "retain": request_retention,
        "policy": request_promotion,
        "roll back": lambda: request_rollback("stable", str(chance.choice(list(of_stable[1:])).pk)),
        "snapshot": lambda: create_snapshot("stable", f"s{step}", Silent()),
    }
    if what in moves:
        request_move(moves[what], "x")
    else:
        others[what]()


def do(stack, ask, *arguments):
    """Do what is asked for, and all that it asks for; give the jobs, none where it made no sense."""
    try:
        ask(*arguments)
    except PackageRefused:
        return []
    jobs = stack.run_jobs()
    assert {job.state for job in jobs} <= {"done"}, [job.error for job in jobs]
    return jobs


def state(stack):
    """Give the percentage that each suite of a record shows, by its key."""
    return {record.key: {suite: percentage_in(record, suite) for suite in record.suites} for record in stack.records()}


def shown(stack):
    """Give the indexes of the suites, and those of snapshots."""
    indexes = {key: body for key, body in stack.dists().items() if key.endswith("/Packages")}
    snapshots = {key: indexes.pop(key) for key in list(indexes) if "/snapshots/" in key}
    return indexes, snapshots


def undo(stack, before, jobs):
    """Take one step back: a roll back by itself, all else by what is the other way round."""
    done = [job for job in jobs if job.kind == Job.Kind.ROLL_BACK]
    for job in done:
        do(stack, request_rollback, "stable", job.result["undo"])
    for suite in SUITES:
        now = state(stack)
        came = tuple(key for key in now if suite in now[key] and suite not in before[key])
        left = [key for key in now if suite in before[key] and suite not in now[key]]
        restorable = tuple(key for key in left if suite in withdrawn(stack, key))
        others = tuple(key for key in left if key not in restorable)
        if done:
            assert (came, left) == ((), [])
        do(stack, request_move, Move(What.WITHDRAWN, came, (suite,)), "undone")
        do(stack, request_move, Move(What.RESTORED, restorable, (suite,)), "")
        do(stack, request_move, Move(What.PROMOTED, others, to=suite, rollout=(100,)), "")
    for key, percents in state(stack).items():
        for suite, percent in percents.items():
            wanted = 100 if before[key][suite] is None else before[key][suite]
            if percent != before[key][suite]:
                do(stack, request_move, Move(What.ROLLED_OUT, (key,), (suite,), rollout=(wanted,)), "")


def withdrawn(stack, key):
    name, _, version = key[0].partition("#")
    return withdrawn_from(stack.table.suite_changes_of(name, version), key[1], RESTORABLE)


@pytest.mark.parametrize("seed", [0, 4, 5])
def test_undoing_all_steps_gives_the_bytes_of_the_start(embedded, seed):
    chance = random.Random(seed)
    began(embedded)
    steps = []
    rebuilt_after = chance.randrange(len(ACTS))
    for number, what in enumerate(chance.sample(ACTS, len(ACTS))):
        before, seen = state(embedded), shown(embedded)[0]
        jobs = do(embedded, act, chance, what, number)
        if shown(embedded)[0] != seen:
            steps.append((what, before, seen, jobs))
        if number == rebuilt_after:
            now = shown(embedded)
            force_rebuild([], Silent())
            assert shown(embedded) == now, what
    assert len(steps) > 4, steps
    snapshots = shown(embedded)[1]
    for what, before, seen, jobs in reversed(steps):
        undo(embedded, before, jobs)
        assert shown(embedded) == (seen, snapshots), what
    force_rebuild([], Silent())
    assert shown(embedded) == (steps[0][2], snapshots)
    assert mirror_differences(embedded.table.all_records()) == []
    for key in {key.partition("/snapshots/")[2].partition("/")[0] for key in snapshots}:
        assert delete_snapshot("stable", key, Silent()) > 0
    assert shown(embedded) == (steps[0][2], {})
