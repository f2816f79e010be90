"""Versions withdrawn while a publication is at work: before whichever of its calls, the next rids clients of them."""

from functools import partial

from packages_app.core.ports import Silent
from packages_app.core.suite_change import What
from packages_app.models import HeldCandidate
from packages_app.services import adapters
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.move import do_move, keys_selected, request_move
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.packages import mirror_differences, mirror_records
from packages_app.services.publication.requests import request_publication
from packages_app.services.repair.force_rebuild import force_rebuild
from tests.every import EVERY
from tests.faults.ports import Calls, Way, faulty, first_of_each_line
from tests.records import make_record
from tests.services.lifecycle.test_move import clients_see, indexes


def put(stack, version):
    """Put a version of `tool` into pool and table."""
    record = make_record("tool", version).in_suites(("stable",))
    stack.table.put_new(record)
    stack.bucket.put(record.pool_path, f"tool#{version}#amd64".encode())
    mirror_records([record])


def published(stack, calls):
    """Publish stable through ports that count its calls; gives the job."""
    job = request_publication("stable")
    with adapters.given(faulty(adapters.Ports(stack.table, stack.bucket, stack.staging), calls)):
        return queue.run(job.pk, do_work)


def withdraw(stack, query, coming):
    """Withdraw versions from stable as its job does, and put another; what is asked for waits."""
    job = request_move(Move(What.WITHDRAWN, tuple(keys_selected(query)), ("stable",)), "it breaks")
    assert queue.run(job.pk, do_move).state == "done"
    put(stack, coming)


def moments(names):
    """Return before which calls versions are withdrawn: each, or those around which something could be lost."""
    if EVERY:
        return [number for number, _ in first_of_each_line(enumerate(names))]
    switch = names.index("bucket.put dists/stable/InRelease")
    return [names.index("table.get_many"), switch, names.index("table.remove_pending_changes stable")]


def test_before_whichever_call_versions_are_withdrawn_clients_are_rid_of_them(embedded):
    for version in ("0.1", "0.2"):
        put(embedded, version)
        seen = Calls()
        published(embedded, seen)
    last = "0.2"
    for number in moments(seen.names):
        version, following = f"{number + 1}", f"{number + 1}.5"
        put(embedded, version)
        # One that clients have, and one that is on its way to them, while another is taken in.
        meanwhile = Calls(
            number, Way.OVERTAKEN, partial(withdraw, embedded, f"tool (= {last}) | tool (= {version})", following)
        )
        job = published(embedded, meanwhile)
        at = meanwhile.names[number]
        assert job.state in ("done", "queued"), (at, job.error)
        pending = {change.key[0].replace("#", "_") for change in embedded.table.pending_changes_of("stable")}
        # Whoever ends owes what clients see and should not to the next, and asks for that.
        assert set(clients_see(embedded)) ^ {"tool_0.1", f"tool_{following}"} <= pending, at
        assert {one.state for one in embedded.run_jobs()} <= {"done"}, at
        assert clients_see(embedded) == ["tool_0.1", f"tool_{following}"], at
        assert embedded.table.pending_changes_of("stable") == [], at
        last = following
    assert (HeldCandidate.objects.count(), mirror_differences(embedded.table.all_records())) == (0, [])
    before = indexes(embedded)
    force_rebuild([], Silent())
    assert indexes(embedded) == before
