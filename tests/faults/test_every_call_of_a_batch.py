"""Every call of a batch's intake fails once, in every way; the next run goes on from there and all is taken in once."""

import os

import pytest

from packages_app.core.errors import RepomgrError
from packages_app.models import Job, Package
from packages_app.services import adapters
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from tests.faults.ports import KILLED, Calls, Way, faulty
from tests.faults.world import NEW, OLD, build_tool, canonical_names_fit, seen, settle

ANOTHER = ("tool", "1.2")
WAYS = (Way.ERROR_BEFORE, Way.ERROR_AFTER, Way.KILLED)


def take_in(world, files, calls):
    with adapters.given(faulty(world.ports(), calls)):
        job = stage_batch(files, wake_worker=False)
        queue.run(job.pk, do_work)


def killed(world, files, calls):
    """Let a process die on the way; its row stays behind as a worker's does."""
    child = os.fork()
    if child == 0:
        try:
            world.part_from_parent()
            take_in(world, files, calls)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED, calls.at


@pytest.mark.parametrize("world", ["embedded"], indirect=True)  # what a bucket adds, the single upload's test shows
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.lower())
def test_a_call_that_fails_costs_no_file_and_replaces_none(world, way, settings, tmp_path):
    debs = [build_tool(tmp_path / "batch", *key) for key in (OLD, NEW, ANOTHER)]
    files = [(deb.name, deb.read_bytes()) for deb in debs]
    world.again(settings)
    all_calls = Calls()
    take_in(world, files, all_calls)
    assert len(all_calls.names) >= 7
    assert sum(name.startswith("bucket.put pool/") for name in all_calls.names) == 2  # OLD is known
    for number, name in enumerate(all_calls.names):
        world.again(settings)
        calls = Calls(number, way)
        if way is Way.KILLED:
            killed(world, files, calls)
        else:
            try:
                take_in(world, files, calls)
            except RepomgrError:
                assert number == 0, name  # only staging is done before there is a job
        settle(world)
        take_in(world, files, Calls())  # the command is run again
        settle(world)
        assert seen(world) == {OLD, NEW, ANOTHER}, name
        canonical_names_fit(world)
        assert {(row.package_name, row.version) for row in Package.objects.all()} == {OLD, NEW, ANOTHER}, name
        for deb in debs:
            assert world.ports().bucket.read(f"pool/main/t/tool/{deb.name}") == deb.read_bytes(), name
        assert not Job.objects.filter(state=Job.State.FAILED).exists()
