"""Work on several suites is a job for each: what one suite meets neither stops nor repeats the others."""

import pytest

from packages_app.core.ports import Silent
from packages_app.models import Job, Publication
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish
from packages_app.services.scheduled import start_scheduled
from packages_app.signing.openpgp import generate_key

SUITES = ("first", "second", "third")


@pytest.fixture
def due(embedded):
    """Make three suites that are to be signed."""
    embedded.configure(suites=[{"name": name, "codename": name} for name in SUITES])
    return embedded


def by_the_clock():
    return start_scheduled("refresh_signatures")


def by_a_job_of_all():
    return [queue.enqueue(Job.Kind.REFRESH)]


def by_a_rebuild_of_all():
    return [queue.enqueue(Job.Kind.FORCE_REBUILD, {"suites": []}, subject="all")]


ASKED = pytest.mark.parametrize("ask", [by_the_clock, by_a_job_of_all, by_a_rebuild_of_all])


def states():
    jobs = Job.objects.filter(subject__in=SUITES, kind__in=("refresh_signatures", "force_rebuild"))
    return {job.subject: (job.state, job.error_code) for job in jobs}


@ASKED
def test_a_busy_lease_on_one_suite_neither_stops_nor_repeats_the_others(due, ask):
    lease = due.table.take_lease("publish:first", "another", 600)
    ask()
    due.run_jobs(once=True)
    assert states() == {"first": ("queued", ""), "second": ("done", ""), "third": ("done", "")}
    due.table.release_lease(lease)
    due.run_jobs()
    assert states()["first"] == ("done", "")
    assert sorted(Publication.objects.values_list("suite", flat=True)) == list(SUITES)


@ASKED
def test_a_suite_that_is_held_back_stops_no_other(due, ask, settings):
    publish("first", Silent())
    settings.SIGNING_KEY = generate_key("Another archive")  # clients of the first know the one before
    for name in ("InRelease", "Release", "Release.gpg"):
        due.bucket.delete(f"dists/first/{name}")
    ask()
    due.run_jobs()
    assert states() == {"first": ("failed", "candidate_held"), "second": ("done", ""), "third": ("done", "")}


def test_a_suite_that_can_not_be_looked_at_stops_no_other(due):
    """Its own job says what is wrong with it."""
    place = due.home / "bucket/dists/first/InRelease"
    place.parent.mkdir(parents=True)
    place.symlink_to(place)
    by_the_clock()
    due.run_jobs()
    assert states() == {"first": ("failed", "store_unavailable"), "second": ("done", ""), "third": ("done", "")}
