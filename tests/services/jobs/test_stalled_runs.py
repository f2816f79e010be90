"""A run that stood still finds its job gone on elsewhere; one that finds a lease held waits before it tries again."""

from datetime import timedelta

from django.utils import timezone

from packages_app.core.errors import LeaseBusy
from packages_app.models import Job
from packages_app.services.jobs import queue


def test_a_run_that_stood_still_writes_nothing_over_the_one_that_goes_on(embedded):
    job = queue.enqueue(Job.Kind.SYNC)

    def stand_still(job, progress):
        Job.objects.filter(pk=job.pk).update(started=timezone.now() + timedelta(minutes=5))
        progress.step("late")
        return {}

    ended = queue.run(job.pk, stand_still)
    assert (ended.state, ended.steps) == ("running", [])


def test_a_job_that_finds_a_lease_held_waits_before_its_message_comes_again(embedded, settings):
    job = queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, subject="stable")
    before = timezone.now()

    def busy(_job, _progress):
        raise LeaseBusy("Another publishes.", remedy="Wait.")

    waits = queue.run(job.pk, busy)
    assert waits.state == "queued"
    assert waits.wake_at - before >= timedelta(seconds=settings.SILENT_SECONDS + 3)
