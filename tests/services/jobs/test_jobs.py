"""Jobs: asked for, claimed once, woken when their worker died (DESIGN 6)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from packages_app import tasks
from packages_app.core.errors import LeaseBusy, StoreUnavailable, UpstreamError
from packages_app.models import Job
from packages_app.services.jobs import queue


def nothing(_job, _progress):
    return {}


def test_a_job_of_the_same_subject_that_waits_is_asked_for_once(embedded):
    first = queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, subject="stable")
    assert queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, subject="stable") == first
    queue.run(first.pk, nothing)
    assert queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, subject="stable") != first


def test_a_job_is_run_once_however_often_it_is_woken(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    ran = []
    for _ in range(3):
        queue.run(job.pk, lambda job, _progress: ran.append(job) or {})
    assert len(ran) == 1


def test_steps_notes_and_the_end_are_kept(embedded):
    job = queue.enqueue(Job.Kind.SYNC)

    def work(_job, progress):
        progress.step("one", "detail")
        progress.advance(1, 2)
        progress.note("look", level="warning")
        progress.step("two")
        raise UpstreamError("It broke.", remedy="Mend it.")

    job = queue.run(job.pk, work)
    assert [(step["name"], step["state"]) for step in job.steps] == [("one", "done"), ("two", "failed")]
    assert job.steps[0]["notes"] == [{"level": "warning", "text": "look"}]
    assert (job.state, job.error_code, job.error, job.remedy) == ("failed", "upstream_error", "It broke.", "Mend it.")


def test_a_crash_ends_the_job_and_is_raised(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    with pytest.raises(ZeroDivisionError):
        queue.run(job.pk, lambda _job, _progress: {"x": 1 / 0})
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "internal_error")


def test_a_job_whose_lease_is_busy_waits(embedded):
    job = queue.enqueue(Job.Kind.PUBLISH, subject="stable")

    def busy(_job, _progress):
        raise LeaseBusy("Another publishes.", remedy="Wait.")

    assert queue.run(job.pk, busy).state == Job.State.QUEUED
    claimed = Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED)
    assert claimed


def test_a_busy_job_folds_into_the_one_that_waits_behind_it(embedded):
    job = queue.enqueue(Job.Kind.PUBLISH, subject="stable")

    def busy(_job, _progress):
        queue.enqueue(Job.Kind.PUBLISH, subject="stable")
        raise LeaseBusy("Another publishes.", remedy="Wait.")

    job = queue.run(job.pk, busy)
    assert (job.state, job.result) == ("done", {"folded": True})
    assert Job.objects.filter(state=Job.State.QUEUED).count() == 1


def silent(**fields):
    job = queue.enqueue(Job.Kind.SYNC)
    long_ago = timezone.now() - timedelta(minutes=10)
    Job.objects.filter(pk=job.pk).update(**{"heartbeat": long_ago, "created": long_ago, **fields})
    return job


def test_a_job_whose_worker_died_goes_back_to_the_queue(embedded):
    job = silent(state=Job.State.RUNNING)
    assert queue.wake_silent_jobs() >= 1
    job.refresh_from_db()
    assert (job.state, job.tries) == ("queued", 1)


def test_a_job_that_kills_its_workers_is_given_up(embedded):
    job = silent(state=Job.State.RUNNING, tries=4)
    queue.wake_silent_jobs()
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "worker_died")
    assert job.remedy


def test_a_job_that_is_alive_is_left_alone(embedded):
    job = silent(state=Job.State.RUNNING, heartbeat=timezone.now())
    assert queue.wake_silent_jobs() == 0
    job.refresh_from_db()
    assert job.state == "running"


def test_a_job_whose_message_was_lost_is_woken_and_old_ones_are_forgotten(embedded):
    silent()
    old = silent(state=Job.State.DONE, ended=timezone.now() - timedelta(days=99))
    assert queue.wake_silent_jobs() == 1
    assert not Job.objects.filter(pk=old.pk).exists()


def test_the_clock_makes_jobs_of_its_own(embedded):
    tasks.sync_packages()
    tasks.reconcile_mirror()
    tasks.force_rebuild()
    tasks.refresh_signatures()
    tasks.wake_silent_jobs()
    kinds = set(Job.objects.filter(state=Job.State.DONE).values_list("kind", flat=True))
    assert kinds == {"sync_packages", "reconcile_mirror", "force_rebuild"}


def test_a_task_does_the_job_it_is_given(embedded):
    build = queue.enqueue(Job.Kind.BUILD, {"name": "kiro-repo", "version": "2.0"})
    tasks.build_bootstrap(str(build.pk))
    publication = queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, subject="stable")
    tasks.publish(str(publication.pk))
    build.refresh_from_db()
    assert build.result == {"package": "kiro-repo", "version": "2.0", "new": True}
    assert embedded.bucket.head("kiro-repo.deb").metadata["version"] == "2.0"


def test_a_worker_that_stood_still_no_longer_speaks_for_its_job(embedded):
    job = queue.enqueue(Job.Kind.SYNC)

    def stands_still(_job, progress):
        Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - timedelta(minutes=10))
        queue.wake_silent_jobs()
        queue.run(job.pk, lambda _job, _progress: {"by": "another"})
        progress.note("still here")
        return {"by": "the one that stood still"}

    assert queue.run(job.pk, stands_still).result == {"by": "another"}
    job.refresh_from_db()
    assert (job.state, job.result, job.steps) == ("done", {"by": "another"}, [])


def away(_job, _progress):
    raise StoreUnavailable("The bucket is away.", remedy="Wait.")


def test_what_a_later_try_may_cure_is_tried_again_and_then_given_up(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    states = [queue.run(job.pk, away).state for _ in range(5)]
    assert states == ["queued"] * 4 + ["failed"]
    assert Job.objects.get(pk=job.pk).error_code == "store_unavailable"


def test_a_command_does_not_wait_for_a_later_try(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    assert queue.run(job.pk, away, patient=False).state == "failed"
