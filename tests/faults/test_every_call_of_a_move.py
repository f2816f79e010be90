"""Every call of a move fails once, in every way: the next run completes it, and it stands once in each history.

Until the publication begins, of which each call is failed elsewhere. Each kind of move is done and undone in turn, or
done with a new version each time, so that one repository serves all calls. What does and what undoes goes the same way:
unless EVERY one is wanted, each call fails in one of the two.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import count

import pytest
from django.db import connection

from packages_app.core.errors import RepomgrError
from packages_app.core.suite_change import What, change_of, taken_in
from packages_app.models import Job, Notice, Publication
from packages_app.publishing.kept_contents import keep_full
from packages_app.publishing.published import read_published
from packages_app.services import adapters
from packages_app.services.adapters import Ports
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.move import request_move
from packages_app.services.lifecycle.promotion import request_promotion
from packages_app.services.lifecycle.retention import request_retention
from packages_app.services.lifecycle.rollback import request_rollback
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_differences
from tests.every import EVERY
from tests.faults.ports import KILLED, Calls, Way, faulty, is_write
from tests.records import make_record
from tests.services.lifecycle.test_move import TWO, clients_see, put
from tests.stack import Stack

POSTGRESQL = connection.vendor == "postgresql"
WAYS = (Way.ERROR_BEFORE, Way.ERROR_AFTER, Way.KILLED)
TOOLS = (("tool#1.0", "amd64"), ("tool#2.0", "amd64"))
BOTH = ("stable", "testing")


@dataclass(frozen=True)
class Act:
    """A move that is asked for, what the histories call it, and what clients of stable and of testing have then."""

    ask: Callable[[], Job]
    what: What
    stable: list[str]
    testing: list[str]


def move(what, *suites, to=""):
    return lambda: request_move(Move(what, TOOLS, suites, to), "x")


def withdrawn_and_restored(stack: Stack) -> Iterator[Act]:
    put(stack, "tool_1.0", "tool_2.0", "other_1", suites=BOTH)
    every = ["other_1", "tool_1.0", "tool_2.0"]
    while True:
        yield Act(move(What.WITHDRAWN, "stable"), What.WITHDRAWN, ["other_1"], every)
        yield Act(move(What.RESTORED), What.RESTORED, every, every)


def promoted_there_and_back(stack: Stack) -> Iterator[Act]:
    put(stack, "other_1")
    put(stack, "tool_1.0", "tool_2.0", suites=("testing",))
    tools = ["tool_1.0", "tool_2.0"]
    while True:
        yield Act(move(What.PROMOTED, "testing", to="stable"), What.PROMOTED, ["other_1", *tools], [])
        yield Act(move(What.PROMOTED, "stable", to="testing"), What.PROMOTED, ["other_1"], tools)


def retained(stack: Stack) -> Iterator[Act]:
    stack.configure(suites=[{"name": "stable", "retain": {"newest": 1}}, TWO[1]])
    put(stack, "tool_0", suites=BOTH)
    for number in count(1):
        put(stack, f"tool_{number}", suites=BOTH)
        testing = sorted(f"tool_{each}" for each in range(number + 1))
        yield Act(lambda: request_retention()[0], What.RETAINED, [f"tool_{number}"], testing)


def promoted_by_policy(stack: Stack) -> Iterator[Act]:
    policy = {"from": "testing", "to": "stable", "after_days": 3}
    stack.define_uploads("tool", suites=["testing"], promote=policy)
    for number in count(1):
        record, when = make_record("tool", str(number), suites=("testing",)), adapters.now() - timedelta(days=5)
        stack.table.put_new(record, taken_in(record, who="ann", way="upload", when=when))
        put(stack, f"tool_{number}", suites=("testing",))
        every = sorted(f"tool_{each}" for each in range(1, number + 1))
        yield Act(lambda: request_promotion()[0], What.PROMOTED, every, every)


def rolled_back(stack: Stack) -> Iterator[Act]:
    put(stack, "tool_1.0")
    first = Publication.objects.filter(suite="stable").first().pk
    [tool] = stack.records()
    stack.table.set_suites(tool, [], change_of(tool, [], What.WITHDRAWN, who="x", when=adapters.now()))
    put(stack, "tool_2.0", "other_1")
    second = Publication.objects.filter(suite="stable").first().pk
    goals = {first: ["tool_1.0"], second: ["other_1", "tool_2.0"]}
    while True:
        for goal, shown in goals.items():
            in_place = read_published(stack.bucket, "stable", adapters.signer().public_keyring())
            keep_full(stack.bucket, stack.staging, "stable", in_place)  # a way back as short as the one before
            yield Act(lambda goal=goal: request_rollback("stable", str(goal)), What.ROLLED_BACK, shown, [])


def histories(stack):
    """How often each version was moved, and what was done last."""
    found = {}
    for record in stack.records():
        changes = stack.table.suite_changes_of(record.package_name, record.version)
        found[record.key] = (len(changes), changes[-1].what if changes else None, record.suites)
    return found


def tried(stack: Stack, act: Act, number: int = -1, way: Way = Way.ERROR_BEFORE) -> list[str]:
    """Ask for a move and do it while a call fails, then let the next run go on; give the calls of both."""
    before, calls = histories(stack), Calls(number, way)
    ports = Ports(stack.table, stack.bucket, stack.staging)
    job, tries = (killed if way is Way.KILLED else failed)(act, ports, calls)
    said = f"{act.what}, call {number}: {calls.names[number] if 0 <= number < len(calls.names) else way}"
    stack.run_jobs()
    job.refresh_from_db()
    assert (job.state, job.tries) == (Job.State.DONE, tries), said
    assert (clients_see(stack), clients_see(stack, "testing")) == (act.stable, act.testing), said
    now = histories(stack)
    moved = {key for key, (_, _, suites) in now.items() if suites != before[key][2]}
    assert moved, said
    assert now == {key: (before[key][0] + 1, act.what, now[key][2]) if key in moved else before[key] for key in now}, (
        said
    )
    assert mirror_differences(stack.table.all_records()) == [], said
    assert stack.table.pending_changes_of("stable") == [], said
    assert not Notice.objects.filter(settled=None, level="error").exists(), said
    return calls.names


def failed(act: Act, ports: Ports, calls: Calls) -> tuple[Job, int]:
    """Do a job's first try through ports that fail, and give how often it has failed.

    Where the request failed nothing was asked for.
    """
    with adapters.given(faulty(ports, calls)):
        try:
            job = act.ask()
        except RepomgrError:
            assert not Job.objects.filter(state=Job.State.QUEUED).exists()
            return act.ask(), 0
        asked = len(calls.names)
        return queue.run(job.pk, do_work), int(calls.at >= asked)


def killed(act: Act, ports: Ports, calls: Calls) -> tuple[Job, int]:
    """Let the worker be a process that dies; the job is put back as one whose worker says nothing any more."""
    asked = Calls()
    with adapters.given(faulty(ports, asked)):
        job = act.ask()
    child = os.fork()
    if child == 0:
        try:
            if POSTGRESQL:
                connection.connection = None  # not closed: the server would end the parent's
            with adapters.given(faulty(ports, Calls(calls.at - len(asked.names), Way.KILLED))):
                queue.run(job.pk, do_work)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED
    return job, Job.objects.filter(pk=job.pk).update(tries=1, state=Job.State.QUEUED)


def calls_to_fail(names: list[str]) -> list[tuple[int, Way]]:
    """Return the calls before the publication, by their number, and the ways: who only read left nothing behind.

    PostgreSQL adds what the dead have committed there; what becomes of errors is shown on SQLite.
    """
    until = next((number for number, name in enumerate(names) if name.startswith("table.take_lease")), len(names))
    return [
        (number, way) for number, name in enumerate(names[:until]) for way in WAYS
        if (way is Way.ERROR_BEFORE or is_write(name)) and (EVERY or not POSTGRESQL or way is Way.KILLED)
    ]  # fmt: skip


def of_the_write_alone(names: list[str]) -> list[tuple[int, Way]]:
    [number] = [number for number, name in enumerate(names) if name.startswith("table.set_suites_of_many")]
    return [(number, Way.ERROR_BEFORE), (number, Way.ERROR_AFTER)]


def try_each(stack: Stack, kind: Callable[[Stack], Iterator[Act]], period: int, chosen=calls_to_fail) -> None:
    stack.configure(suites=TWO)
    acts = kind(stack)
    left = [chosen(tried(stack, next(acts))) for _ in range(period)]
    assert all(each for each in left)
    if not EVERY:
        left = [each[at::period] for at, each in enumerate(left)]
    while any(left):
        for each in left:
            tried(stack, next(acts), *(each.pop() if each else ()))


@pytest.mark.django_db(transaction=POSTGRESQL)  # who is forked sees what is committed alone
@pytest.mark.parametrize(
    ("kind", "period"),
    [(withdrawn_and_restored, 2), (promoted_there_and_back, 2), (retained, 1), (promoted_by_policy, 1),
     (rolled_back, 2)],
)  # fmt: skip
def test_whichever_call_fails_the_next_run_completes_the_move(embedded, kind, period):
    try_each(embedded, kind, period)


def test_it_does_so_on_dynamodb_and_s3(distributed):
    try_each(distributed, rolled_back, 2, of_the_write_alone)
