"""Every call of sweeping a retired suite fails once, in every way: no reader meets a part, and the next finishes it."""

import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import RepomgrError
from packages_app.core.layout import by_hash_path
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.publication.publish import publish
from packages_app.services.snapshots.snapshots import create_snapshot
from packages_app.services.sweep import sweep
from packages_app.services.verification.verify_pool import sweep_of
from packages_app.signing.openpgp import verified_text
from tests.every import EVERY
from tests.faults.ports import KILLED, Calls, Way, faulty, first_of_each_line, is_write
from tests.faults.world import OLD, an_hour_ahead, seen
from tests.reader import read_everything

FOLDER, SNAPSHOT = "dists/testing/", "testing/snapshots/q4"
KEPT = ("releases/testing/", "shards/testing/")
WAYS = (Way.ERROR_BEFORE, Way.ERROR_AFTER, Way.KILLED)


def swept(ports):
    with adapters.given(ports):
        return sweep(Silent(), now=datetime.now(UTC) + timedelta(days=15))


def dies(world, number):
    """Sweep in a process that dies at one of its calls."""
    calls = Calls(number, Way.KILLED)
    child = os.fork()
    if child == 0:
        try:
            world.part_from_parent()
            swept(faulty(world.ports(), calls))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == KILLED, number


def whole_or_gone(world):
    """Who reads the suite finds all of it, by InRelease or by Release, or is told that there is none."""
    bucket, keyring = world.ports().bucket, adapters.signer().public_keyring()
    there = {key.removeprefix(FOLDER) for key, _ in bucket.keys(FOLDER)}
    if "Release" in there:
        text = bucket.read(f"{FOLDER}Release")
        assert verified_text(text, keyring, signature=bucket.read(f"{FOLDER}Release.gpg")) == text
        for name, entry in parse_release(text).entries.items():
            for key in (f"{FOLDER}{name}", by_hash_path("testing", name, entry.sha256)):
                assert checksums_of_bytes(bucket.read(key)).sha256 == entry.sha256
    else:
        assert "InRelease" not in there
    assert {key[:2] for key in read_everything(bucket, keyring, SNAPSHOT)} == {OLD}
    now = datetime.now(UTC) + timedelta(days=15)
    with adapters.given(world.ports()):
        assert sweep_of(timedelta(days=14), lambda: None, now).plan_pool().kept_back == ""


@pytest.fixture
def prepare(world):
    """Give what makes the world one in which a suite was retired, and seen so by a sweep."""

    def retire():
        world.stack.configure(suites=[{}, {"name": "testing", "codename": "next"}])
        for record in list(world.ports().table.all_records()):
            world.ports().table.set_suites(record, ["stable", "testing"])
        publish("testing", Silent())
        publish("testing", Silent(), options=PublicationOptions(resign=True))
        create_snapshot("testing", "q4", Silent())
        world.stack.configure(suites=[{}])
        world.ports().bucket.put("pool/main/o/orphan/orphan_1_all.deb", b"orphan")
        sweep(Silent())

    return retire


@pytest.mark.parametrize("world", ["embedded"], indirect=True)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name.lower())
def test_a_sweep_of_a_retired_suite_that_is_cut_off_is_finished_by_the_next(world, way, prepare, settings):
    world.again(settings, prepare)
    all_calls = Calls()
    assert swept(faulty(world.ports(), all_calls))["retired"]["objects"] == 9
    calls = list(enumerate(all_calls.names))
    first = next(number for number, name in calls if "retired/" in name)
    calls = [(number, name) for number, name in calls if number >= first]
    if not EVERY:
        calls = [(number, name) for number, name in first_of_each_line(calls) if is_write(name) or way is WAYS[0]]
    for number, name in calls:
        world.again(settings, prepare)
        if way is Way.KILLED:
            dies(world, number)
        else:
            with suppress(RepomgrError):
                swept(faulty(world.ports(), Calls(number, way)))
        whole_or_gone(world)
        swept(world.ports(an_hour_ahead))
        bucket, staging = world.ports().bucket, world.ports().staging
        left = {key for key, _ in bucket.keys(FOLDER) if not key.startswith(f"dists/{SNAPSHOT}/")}
        assert left | {key for prefix in KEPT for key, _ in staging.keys(prefix)} == set(), name
        assert [*bucket.keys("pool/main/o/")] == [], name
        whole_or_gone(world)
        assert seen(world) == {OLD}
