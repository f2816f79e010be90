"""A run that stood still finds its job gone on elsewhere; one that finds a lease held waits before it tries again."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from packages_app.core.errors import LeaseBusy
from packages_app.models import Job
from packages_app.services.jobs import queue, waking
from repomgr.servers.process import wait_until


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


def messages_about(job):
    """How many messages wait in the folder broker that name a job."""
    waiting = (settings.BROKER_FOLDER / "queue").glob("*.msg")
    return sum(str(job.pk) in message.read_text() for message in waiting)


def test_a_job_that_waits_behind_another_is_woken_when_that_one_ends(embedded):
    def while_another_is_asked_for(_job, _progress):
        waits = queue.enqueue(Job.Kind.PUBLISH, subject="stable")
        return {"waits": str(waits.pk), "messages": messages_about(waits)}

    ended = queue.run(queue.enqueue(Job.Kind.PUBLISH, subject="stable").pk, while_another_is_asked_for)
    assert messages_about(Job.objects.get(pk=ended.result["waits"])) == ended.result["messages"] + 1


@pytest.mark.django_db(transaction=True)
def test_a_job_that_says_nothing_is_not_taken_for_dead(embedded, settings):
    """However long its work says nothing, its row is renewed before a worker counts as dead."""
    settings.SILENT_SECONDS = 6
    job = queue.enqueue(Job.Kind.SYNC)

    def say_nothing(job, _progress):
        row = Job.objects.filter(pk=job.pk)
        began = row.get().heartbeat
        wait_until(lambda: row.get().heartbeat != began, "a heartbeat", 120)
        renewed = row.get().heartbeat
        row.update(heartbeat=began)  # as the clock saw it a moment before
        waking.wake_silent_jobs(renewed)
        return {}

    ended = queue.run(job.pk, say_nothing)
    assert (ended.state, ended.tries) == ("done", 0)
