"""The disk fails once at a write of upload, publication and approval; once it is well again the next run completes it.

Real system calls of a real process give ENOSPC, from one on, or EIO, once: those to the SQLite files, the folders of
bucket and staging, drafts, caches and the broker's messages. No reader meets an error, and each row is what it would
have been.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings as live_settings
from django.contrib.auth import get_user_model
from django.core.cache import caches
from django.db import connection
from django.test import override_settings

from packages_app.models import HeldCandidate, Job
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.held_candidates import approve
from packages_app.services.requests import request_again
from tests.bootstraps import bootstrap_files
from tests.database import database_in
from tests.debs import build_deb
from tests.every import EVERY
from tests.faults.disk import DiskFault, Written, with_disk
from tests.faults.rows import HELD, NAMED, approved_and_published, brought, hold, mirrored, open_errors, states
from tests.faults.world import NEW, OLD, build_tool, canonical_names_fit, nothing_more, seen, settle

pytestmark = [
    pytest.mark.parametrize("world", ["embedded"], indirect=True),
    pytest.mark.django_db(transaction=True),
]
OF_THE_DISK = ("disk_full", "disk_failed", "store_unavailable", "table_unavailable", "service_unavailable")
PLACES = {
    "database": "/django.sqlite3",
    "table": "/table.sqlite3",
    "drafts": "/.repomgr/",
    "bucket": "/bucket",
    "staging": "/staging",
    "cache": "/cache",
    "messages": "/broker",
}


@pytest.fixture(autouse=True)
def database_of_processes(request, tmp_path, transactional_db):
    """A database that a forked process writes too: on SQLite a file."""
    if connection.vendor != "sqlite":
        yield
        return
    with database_in(tmp_path, request.getfixturevalue("migrated")):
        yield


def place(written: Written) -> str:
    return next((name for name, part in PLACES.items() if part in written.path), "")


def faults(made: list[Written]) -> list[DiskFault]:
    """Return the faults to bring in: every write fails in both ways, or the first of each kind in the likelier one."""
    if EVERY:
        return [fault for each in made for fault in (full(each), broken(each))]
    kinds = [(each.call, place(each)) for each in made]
    first = [each for number, each in enumerate(made) if kinds.index(kinds[number]) == number]
    return [broken(each) if "sync" in each.call else full(each) for each in first]


def full(written: Written) -> DiskFault:
    return DiskFault(written.call, written.number, "ENOSPC", stays=True)


def broken(written: Written) -> DiskFault:
    return DiskFault(written.call, written.number, "EIO")


def do(world, work, log: Path, fault: DiskFault | None = None) -> list[Written]:
    """Let another process do it; return what it wrote to the disk."""
    caches["shards"].clear()
    connection.close()
    written = with_disk([world.part_from_parent, *work], log, fault)
    return [each for each in written if place(each)]


@override_settings()  # one layer over the test's: hundreds of them are too deep
def each_failing(world, tmp_path, prepare, work, look):
    """Let each write of some work fail, from the same state; then do what is left to do, and look what has become."""
    world.again(live_settings, prepare)
    made = do(world, work(), tmp_path / "calls")
    settle(world, failed=HELD)
    look()
    nothing_is_left(world)
    chosen = faults(made)
    assert {place(each) for each in made} >= {"table", "drafts", "bucket", "cache", "messages"}
    hit, failures = 0, []
    for fault in chosen:
        world.again(live_settings, prepare)
        try:
            hit += any(each.failed for each in do(world, work(), tmp_path / "calls", fault))
            assert seen(world, settled=False) in ({OLD}, {OLD, NEW})
            well_again(world)
            look()
            nothing_is_left(world)
        except Exception as error:
            error.add_note(str(fault))
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(chosen)} faults", failures)
    assert hit > 0.9 * len(chosen)  # how often progress is written is the clock's matter


def well_again(world):
    """Do what workers and the clock do next, and a person who starts again what failed."""
    settle(world, failed=(*HELD, *OF_THE_DISK))
    for job in Job.objects.filter(state=Job.State.FAILED, error_code__in=OF_THE_DISK):
        request_again(job, None)
    settle(world, failed=(*HELD, *OF_THE_DISK))


def nothing_is_left(world):
    """What was begun is at its end: names, pending changes, drafts."""
    canonical_names_fit(world)
    assert list(world.ports().table.pending_changes_of("stable")) == []
    for store in (live_settings.BUCKET, live_settings.STAGING):
        assert list((store.path / ".repomgr" / "tmp").iterdir()) == []


def test_an_upload_is_taken_in_and_published_and_told_once(world, tmp_path):
    deb = build_tool(tmp_path, *NEW)

    def look():
        if not Job.objects.filter(kind=Job.Kind.UPLOAD).exists():  # the uploader was told that it failed
            stage_upload(deb, deb.name, wake_worker=False)
            settle(world, failed=HELD)
        assert seen(world) == mirrored() == {OLD, NEW}
        assert brought() == ({NAMED: 1}, {NAMED: 1})
        assert (open_errors(), states()) == ([], [])
        assert Job.objects.filter(kind=Job.Kind.UPLOAD, state=Job.State.DONE).count() == 1

    def work():
        return [lambda: stage_upload(deb, deb.name), lambda: world.stack.run_jobs(once=True)]

    each_failing(world, tmp_path, nothing_more, work, look)


def test_an_approved_candidate_is_published_and_nothing_of_it_is_lost(world, tmp_path):
    deb = build_deb(tmp_path, *NEW, files=bootstrap_files("tool"), Essential="yes")
    user = get_user_model().objects.create_superuser("ann")

    def work():
        return [lambda: approve(HeldCandidate.objects.get(), user), lambda: world.stack.run_jobs(once=True)]

    each_failing(world, tmp_path, lambda: hold(world, deb), work, lambda: approved_and_published(world, user))
