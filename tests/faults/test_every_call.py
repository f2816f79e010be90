"""Every call of intake and publication fails once, in every way; readers never notice, and the next run converges.

The calls of an undisturbed run are counted; then the run is repeated once for each, from the same state, with that
call failing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from packages_app.models import Job, Package
from packages_app.services import adapters
from tests.apt.client import AptClient
from tests.every import EVERY
from tests.faults.ports import KILLED, Calls, Way, faulty, first_of_each_line, is_write
from tests.faults.world import (
    NEW,
    OLD,
    OTHER,
    Apt,
    World,
    build_tool,
    canonical_names_fit,
    overtake,
    seen,
    settle,
    stage,
)


def undisturbed(world: World, deb: Path, calls: Calls) -> bool:
    """Upload a package and do all the work that follows, through ports that fail where `calls` says."""
    with adapters.given(faulty(world.ports(), calls)):
        told = stage(deb)
        world.stack.run_jobs(once=True)
    return told


def killed(world: World, deb: Path, calls: Calls) -> bool:
    """Let the uploader, or the worker after it, be a process that dies on the way."""
    if calls.at == UPLOADERS_CALL:
        dies(world, calls, lambda: stage(deb))
        return False
    with adapters.given(faulty(world.ports(), Calls())):
        told = stage(deb)
    calls.names.append("by the uploader")
    dies(world, calls, lambda: world.stack.run_jobs(once=True))
    return told


def dies(world: World, calls: Calls, work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            world.part_from_parent()
            with adapters.given(faulty(world.ports(), calls)):
                work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED, calls.at


UPLOADERS_CALL = 0
"""An uploader writes the file into staging, and nothing else; the rest is a worker's."""
WAYS = [way for way in Way if way is not Way.STOPPED]
OF_WRITES = (Way.ERROR_AFTER, Way.KILLED)
PARTS = 4 if EVERY else 1
"""Tests among which the calls are dealt out, so that several processes share the work."""
COMMIT_POINT = "bucket.put dists/stable/InRelease"


def calls_to_fail(names: list[str], way: Way, *, on_moto: bool) -> list[tuple[int, str]]:
    """Return the calls, by their number and name, that this way is tried at.

    A read changes nothing: its error after is that before, and who dies after it left what the last write left. What a
    read's failure makes of a run is decided above the ports; on S3 and DynamoDB one of each kind fails, to see that the
    adapter takes part in it.

    Unless EVERY one is wanted, the first fails of those by which one line goes through the files of a folder, and one
    of each kind of read. On S3 and DynamoDB each of these fails in one way, dealt out in turn, for what a failure makes
    of a run the other column shows; and the switch of InRelease in each.
    """
    kinds = [name.split(maxsplit=1)[0] for name in names]
    few = on_moto or not EVERY
    calls = [(n, name) for n, name in enumerate(names) if not few or is_write(name) or kinds.index(kinds[n]) == n]
    if EVERY:
        return [(number, name) for number, name in calls if is_write(name) or way not in OF_WRITES]
    chosen = []
    for at, (number, name) in enumerate(first_of_each_line(calls)):
        ways = WAYS if is_write(name) else [each for each in WAYS if each not in OF_WRITES]
        if way in (ways if not on_moto or name == COMMIT_POINT else [ways[at % len(ways)]]):
            chosen.append((number, name))
    return chosen


@pytest.mark.parametrize("part", range(PARTS))
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.lower())
def test_a_call_that_fails_is_noticed_by_no_reader(world, way, part, settings, tmp_path):
    deb = build_tool(tmp_path, *NEW)
    client = Apt(AptClient(tmp_path / "client"), adapters.signer().public_keyring())
    world.again(settings)
    all_calls = Calls()
    assert undisturbed(world, deb, all_calls)
    wanted = seen(world)
    assert wanted == {OLD, NEW}
    assert len(all_calls.names) > 25
    assert all_calls.names[UPLOADERS_CALL].startswith("staging.put uploads/")
    for number, name in calls_to_fail(all_calls.names, way, on_moto=bool(world.moto))[part::PARTS]:
        world.again(settings)
        calls = Calls(number, way, meanwhile=lambda: overtake(world))
        act = killed if way is Way.KILLED else undisturbed
        told = act(world, deb, calls)
        also = {OTHER} if way is Way.OVERTAKEN else set()
        found = seen(world, settled=way is Way.OVERTAKEN)
        assert found in ({OLD} | also, {OLD, NEW} | also), name
        assert client.sees(world) == found, name
        settle(world)
        if not told:
            assert stage(deb), name
            settle(world)
        assert seen(world) == wanted | also, name
        canonical_names_fit(world)
        assert {(p.package_name, p.version) for p in Package.objects.all()} == wanted | also, name
        copy = world.ports().bucket.head("tool.deb")
        assert copy.metadata["version"] == max(version for _, version in wanted | also), name
        if told:
            assert [key for key, _ in world.ports().staging.keys("uploads/")] == [], name
        if way is not Way.KILLED:  # whose rows were in a transaction that ended with its process
            assert [job.result["new"] for job in Job.objects.filter(kind=Job.Kind.UPLOAD)] == [True], name
