"""A publisher that is stopped (SIGSTOP) until its lease is gone, and then goes on, changes nothing that clients see."""

from __future__ import annotations

import os
import signal

import pytest

from packages_app.core.ports import Silent
from packages_app.models import Job
from packages_app.services import adapters, job_services
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish
from tests.faults.ports import Calls, Way, faulty
from tests.faults.world import NEW, OLD, OTHER, World, build_tool, canonical_names_fit, overtake, seen, settle, stage

FENCED = 3
POINTS = ("/by-hash/", "binary-amd64/Packages.xz", "stable/Release.gpg", "stable/InRelease")


def calls_of_a_publication(world: World) -> list[str]:
    calls = Calls()
    with adapters.given(faulty(world.ports(), calls)):
        publish("stable", Silent())
    return calls.names


def stopped_publisher(world: World, at: int) -> int:
    """Let a process publish until it stops itself before a call; gives its id."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, os.WUNTRACED)
        assert os.WIFSTOPPED(status), os.waitstatus_to_exitcode(status)
        return child
    code = 1
    try:
        world.part_from_parent()
        with adapters.given(faulty(world.ports(), Calls(at, Way.STOPPED))):
            publish("stable", Silent())
        code = 0
    except Exception as error:
        code = FENCED if type(error).__name__ in ("LeaseLost", "ObjectChanged") else 2
    finally:
        os._exit(code)


@pytest.fixture
def unpublished(world, tmp_path, settings):
    """A repository whose newest record is not published yet."""
    world.again(settings)
    deb = build_tool(tmp_path, *NEW)
    stage(deb)
    job = Job.objects.get(kind=Job.Kind.UPLOAD)
    assert queue.run(job.pk, job_services.do_work).state == Job.State.DONE
    world.remember()
    world.again(settings)
    return world


@pytest.mark.parametrize("point", POINTS)
def test_a_stopped_publisher_is_fenced_when_it_goes_on(unpublished, point, settings):
    names = calls_of_a_publication(unpublished)
    at = next(number for number, name in enumerate(names) if name.startswith("bucket.put") and point in name)
    unpublished.again(settings)
    child = stopped_publisher(unpublished, at)
    try:
        overtake(unpublished)
        by_other = unpublished.ports().bucket.read("dists/stable/InRelease")
    finally:
        os.kill(child, signal.SIGCONT)
        _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == FENCED
    assert unpublished.ports().bucket.read("dists/stable/InRelease") == by_other
    assert seen(unpublished) == {OLD, NEW, OTHER}
    settle(unpublished)
    canonical_names_fit(unpublished)
