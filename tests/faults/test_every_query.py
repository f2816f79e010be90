"""Every query of intake, publication, approval and removal fails once; the next run completes it, and tells it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from django.conf import settings as live_settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import override_settings

from packages_app.core.errors import RepomgrError
from packages_app.models import HeldCandidate, Job, Publication
from packages_app.services.intake.reject_candidate import reject_candidate
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.publication.held_candidates import approve
from tests.bootstraps import bootstrap_files
from tests.debs import build_deb
from tests.every import EVERY
from tests.faults.queries import Died, Loss, Queries, queries_to_fail
from tests.faults.rows import HELD, NAMED, approved_and_published, brought, hold, mirrored, open_errors, states
from tests.faults.world import NEW, OLD, build_tool, canonical_names_fit, nothing_more, seen, settle

pytestmark = [
    pytest.mark.parametrize("world", ["embedded"], indirect=True),
    pytest.mark.django_db(transaction=True),  # transactions that are committed, or not
]


def failing(queries: Queries, *work: Callable[[], object]) -> bool:
    """Do work, each piece as a request or task of its own, with a query that fails; gives whether one was told so."""
    told = False
    with connection.execute_wrapper(queries):
        for piece in work:
            try:
                with told_as_ours():
                    piece()
            except RepomgrError as error:
                assert error.code == "service_unavailable"
                told = True
            except Died:
                return True
    return told


@override_settings()  # one layer over the test's: hundreds of them are too deep
def each_failing(world, prepare, work, look):
    """Let each query of some work fail, from the same state; then settle, and look at what has become of it."""
    world.again(live_settings, prepare)
    undisturbed = Queries()
    assert not failing(undisturbed, *work())
    settle(world, failed=HELD)
    look()
    for loss in Loss:
        for number in queries_to_fail(undisturbed.made, loss, every=EVERY):
            world.again(live_settings, prepare)
            queries = Queries(number, loss)
            try:
                failing(queries, *work())
                lose_connection()
                settle(world, failed=HELD)
                look()
            except Exception as error:
                error.add_note(f"query {number}, {loss}: {queries.made[number:][:1]}")
                raise


def lose_connection():
    """End what the lost connection had begun, as its server does; one in memory can't be closed."""
    if connection.connection is not None and not connection.in_atomic_block:
        connection.connection.rollback()


def test_an_upload_is_taken_in_and_published_and_told_once(world, tmp_path):
    deb = build_tool(tmp_path, *NEW)

    def look():
        staged = [key for key, _ in world.ports().staging.keys("uploads/")]
        if not Job.objects.filter(kind=Job.Kind.UPLOAD).exists():  # the uploader was told that it failed
            stage_upload(deb, deb.name, wake_worker=False)
            settle(world, failed=HELD)
        else:
            assert staged == []
        assert seen(world) == mirrored() == {OLD, NEW}
        canonical_names_fit(world)
        assert brought() == ({NAMED: 1}, {NAMED: 1})
        assert (open_errors(), states()) == ([], [])
        assert [job.state for job in Job.objects.filter(kind=Job.Kind.UPLOAD)] == ["done"]

    def work():
        return [lambda: stage_upload(deb, deb.name, wake_worker=False), lambda: world.stack.run_jobs(once=True)]

    each_failing(world, nothing_more, work, look)


@pytest.fixture
def cautioned(world, tmp_path):
    """A package that a person must approve, and somebody who may."""
    deb = build_deb(tmp_path, *NEW, files=bootstrap_files("tool"), Essential="yes")
    return deb, get_user_model().objects.create_superuser("ann")


def test_a_candidate_is_held_back_and_told_of_once(world, cautioned):
    deb, _ = cautioned

    def look():
        failed = Job.objects.exclude(state=Job.State.DONE)
        assert {job.error_code for job in failed} == {"candidate_held"}
        assert seen(world) == {OLD}
        assert mirrored() == {OLD, NEW}
        assert states() == ["waiting"]
        assert [kind for kind, _ in open_errors()] == ["candidate_held"]
        assert brought() == ({}, {})

    def work():
        return [lambda: world.stack.run_jobs(once=True)]

    each_failing(world, lambda: stage_upload(deb, deb.name, wake_worker=False), work, look)


def test_an_approved_candidate_is_published_and_nothing_of_it_is_lost(world, cautioned):
    deb, user = cautioned

    def work():
        return [
            lambda: approve(HeldCandidate.objects.get(), user),
            lambda: world.stack.run_jobs(once=True),
        ]

    each_failing(world, lambda: hold(world, deb), work, lambda: approved_and_published(world, user))


def test_a_rejected_package_leaves_and_never_comes(world, cautioned):
    deb, user = cautioned

    def look():
        for held in HeldCandidate.objects.filter(state="waiting"):
            reject_candidate(held, user)
            settle(world, failed=HELD)
        assert seen(world) == mirrored() == {OLD}
        assert brought() == ({}, {})
        assert "waiting" not in states()  # what was taken out as the process died is outdated, by the table's word
        assert open_errors() == []

    def work():
        return [lambda: reject_candidate(HeldCandidate.objects.get(), user), lambda: world.stack.run_jobs(once=True)]

    each_failing(world, lambda: hold(world, deb), work, look)


def test_a_removed_package_is_said_to_have_gone_once(world, tmp_path):
    deb = build_tool(tmp_path, *NEW)

    def prepare():
        stage_upload(deb, deb.name, wake_worker=False)
        world.stack.run_jobs()
        table = world.ports().table
        table.set_suites(table.get(*NEW, "amd64"), set())

    def look():
        assert seen(world) == mirrored() == {OLD}
        assert Counter(name for row in Publication.objects.all() for name in row.removed) == {NAMED: 1}
        assert open_errors() == []

    def work():
        return [lambda: settle(world, failed=HELD)]

    each_failing(world, prepare, work, look)
