"""Every call of making, merging and deleting a snapshot fails once, in every way; no reader meets a part of one."""

import os
from functools import partial

import pytest

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from packages_app.services.snapshots.compose import recipe_of
from packages_app.services.snapshots.jobs import request_composed, request_deletion, request_snapshot
from packages_app.services.snapshots.snapshots import create_snapshot
from packages_app.signing.openpgp import verified_text
from tests.every import EVERY
from tests.faults.ports import KILLED, Calls, Way, faulty, first_of_each_line, is_write
from tests.faults.world import OLD, OTHER, overtake, seen, settle
from tests.reader import read_everything

FOLDER = "dists/stable/snapshots/q4/"
WAYS = (Way.ERROR_BEFORE, Way.ERROR_AFTER, Way.KILLED, Way.OVERTAKEN)


def of_stable(request):
    return partial(request, "stable", "q4")


def merge(**options):
    """Ask for one of a snapshot and of what the suite shows, and of these what a query selects."""
    return request_composed(recipe_of("q4", ["stable/a", "stable"], "all", "tool"), **options)


def ask(world, request, calls):
    """Ask for a snapshot, or its deletion, and do the job's first try, through ports that fail where `calls` says.

    Return how many calls who asks made, who only reads; the others are a worker's.
    """
    with adapters.given(faulty(world.ports(), calls)):
        job = request(wake_worker=False)
        asked = len(calls.names)
        queue.run(job.pk, do_work)
    return asked


def dies(world, request, number):
    """Let the worker be a process that dies at one of its calls; the row stays behind."""
    with adapters.given(world.ports()):
        job = request(wake_worker=False)
    calls = Calls(number, Way.KILLED)
    child = os.fork()
    if child == 0:
        try:
            world.part_from_parent()
            with adapters.given(faulty(world.ports(), calls)):
                queue.run(job.pk, do_work)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED, calls.at


def whole(world):
    """Say whether the snapshot is there, which is whole then; so it is for who takes Release where InRelease is not."""
    bucket, keyring = world.ports().bucket, adapters.signer().public_keyring()
    there = {key.removeprefix(FOLDER) for key, _ in bucket.keys(FOLDER)}
    if "InRelease" in there:
        assert {key[:2] for key in read_everything(bucket, keyring, "stable/snapshots/q4")} - {OTHER} == {OLD}
        return True
    if "Release" in there:
        text = bucket.read(f"{FOLDER}Release")
        assert verified_text(text, keyring, signature=bucket.read(f"{FOLDER}Release.gpg")) == text
        for name, entry in parse_release(text, expires=False).entries.items():
            assert checksums_of_bytes(bucket.read(f"{FOLDER}{name}")).sha256 == entry.sha256
    return False


@pytest.fixture(params=["make", "merge", "delete"])
def request_of(request, world):
    """What asks for it, in a world that is as it must be before."""
    if request.param == "make":
        return of_stable(request_snapshot)
    create_snapshot("stable", "a" if request.param == "merge" else "q4", Silent())
    world.remember()
    return merge if request.param == "merge" else of_stable(request_deletion)


def calls_to_fail(names, asked, way):
    """Every call, or the first of each line; who only read left nothing behind, and who died asking asked nothing."""
    calls = list(enumerate(names))
    if not EVERY:
        of_writes = way in (Way.ERROR_AFTER, Way.KILLED)
        calls = [(number, name) for number, name in first_of_each_line(calls) if is_write(name) or not of_writes]
    return [(number, name) for number, name in calls if way is not Way.KILLED or number >= asked]


@pytest.mark.parametrize("world", ["embedded"], indirect=True)  # copies within S3 have a test of their own
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.lower())
def test_a_call_that_fails_leaves_a_whole_snapshot_or_none(world, way, request_of, settings):
    making = request_of == merge or request_of.func is request_snapshot
    world.again(settings)
    all_calls = Calls()
    asked = ask(world, request_of, all_calls)
    assert whole(world) is making
    assert len(all_calls.names) > asked + 11
    wanted = len([*world.ports().bucket.keys(FOLDER)])
    for number, name in calls_to_fail(all_calls.names, asked, way):
        world.again(settings)
        if way is Way.KILLED:
            dies(world, request_of, number - asked)
        else:
            try:
                ask(world, request_of, Calls(number, way, meanwhile=lambda: overtake(world)))
            except RepomgrError:
                assert not Job.objects.exists(), name  # it was asked in vain
        whole(world)
        settle(world)
        if not Job.objects.filter(kind=Job.Kind.SNAPSHOT).exists():
            ask(world, request_of, Calls())
            settle(world)
        assert whole(world) is making, name
        assert len([*world.ports().bucket.keys(FOLDER)]) == wanted, name
        assert seen(world) == {OLD, OTHER} if way is Way.OVERTAKEN else {OLD}, name
