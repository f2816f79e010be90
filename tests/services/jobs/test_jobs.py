"""Jobs: asked for, claimed once, woken when their worker died (docs/ARCHITECTURE.md, Jobs)."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from packages_app import tasks
from packages_app.core.errors import LeaseBusy, StoreUnavailable, UpstreamError, UpstreamUnavailable
from packages_app.core.outcome import Outcome
from packages_app.core.ports import Silent
from packages_app.models import Job
from packages_app.services.jobs import queue, waking
from packages_app.services.jobs.messages import kinds_that_are_not_of
from packages_app.services.jobs.progress import LEFT_OUT
from packages_app.services.publication.publish import publish
from packages_app.services.scheduled import start_scheduled


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
    Job.objects.filter(pk=job.pk).update(**{"heartbeat": long_ago, "created": long_ago, "wake_at": long_ago, **fields})
    return job


def test_a_job_whose_worker_died_goes_back_to_the_queue(embedded):
    job = silent(state=Job.State.RUNNING)
    assert waking.wake_silent_jobs() >= 1
    job.refresh_from_db()
    assert (job.state, job.tries) == ("queued", 1)


def test_a_job_that_kills_its_workers_is_given_up(embedded):
    job = silent(state=Job.State.RUNNING, tries=4)
    waking.wake_silent_jobs()
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "worker_died")
    assert job.remedy


def test_a_job_that_is_alive_is_left_alone(embedded):
    job = silent(state=Job.State.RUNNING, heartbeat=timezone.now())
    assert waking.wake_silent_jobs() == 0
    job.refresh_from_db()
    assert job.state == "running"


def test_a_job_whose_message_was_lost_is_woken_and_old_ones_are_forgotten(embedded):
    silent()
    old = silent(state=Job.State.DONE, ended=timezone.now() - timedelta(days=99))
    assert waking.wake_silent_jobs() == 1
    assert not Job.objects.filter(pk=old.pk).exists()


def test_the_clock_makes_jobs_of_its_own(embedded):
    publish("stable", Silent())
    for kind in ("sync_packages", "reconcile_mirror", "force_rebuild", "refresh_signatures"):
        for job_id in tasks.start_scheduled(kind):
            tasks.run_job(job_id)
    tasks.wake_silent_jobs()
    kinds = set(Job.objects.filter(state=Job.State.DONE).values_list("kind", flat=True))
    assert kinds == {"sync_packages", "reconcile_mirror", "force_rebuild"}


def test_a_task_does_the_job_it_is_given(embedded):
    build = queue.enqueue(Job.Kind.BUILD, {"name": "kiro-repo", "version": "2.0"})
    tasks.run_job(str(build.pk))
    publication = queue.enqueue(Job.Kind.PUBLISH, {"suite": "stable"}, subject="stable")
    tasks.run_job(str(publication.pk))
    build.refresh_from_db()
    assert build.result == {"package": "kiro-repo", "version": "2.0", "new": True}
    assert embedded.bucket.head("kiro-repo.deb").metadata["version"] == "2.0"


def test_a_worker_that_stood_still_no_longer_speaks_for_its_job(embedded):
    job = queue.enqueue(Job.Kind.SYNC)

    def stands_still(_job, progress):
        Job.objects.filter(pk=job.pk).update(heartbeat=timezone.now() - timedelta(minutes=10))
        waking.wake_silent_jobs()
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


def test_vendors_that_are_away_are_asked_again_by_the_clock_only(embedded):
    def vendors_away(_job, _progress):
        raise UpstreamUnavailable("Every check failed.", remedy="Wait.")

    job = queue.run(queue.enqueue(Job.Kind.SYNC).pk, vendors_away)
    assert (job.state, job.error_code) == ("failed", "upstream_unavailable")


def test_a_command_does_not_wait_for_a_later_try(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    assert queue.run(job.pk, away, patient=False).state == "failed"


def stopped_in_the_middle(error):
    def work(_job, progress):
        progress.step("one")
        progress.step("two")
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (LeaseBusy("Another publishes.", remedy="Wait."), "interrupted"),
        (StoreUnavailable("Away.", remedy=""), "failed"),
    ],
)
def test_no_step_runs_while_its_job_waits_for_another_try(embedded, error, state):
    job = queue.run(queue.enqueue(Job.Kind.SYNC).pk, stopped_in_the_middle(error))
    assert job.state == Job.State.QUEUED
    assert [step["state"] for step in job.steps] == ["done", state]
    assert job.steps[-1]["ended"]


def test_no_step_runs_in_a_job_that_was_folded(embedded):
    job = queue.enqueue(Job.Kind.PUBLISH, subject="stable")

    def busy(_job, progress):
        progress.step("wait for the lease")
        queue.enqueue(Job.Kind.PUBLISH, subject="stable")
        raise LeaseBusy("Another publishes.", remedy="Wait.")

    job = queue.run(job.pk, busy)
    assert [step["state"] for step in job.steps] == ["interrupted"]


@pytest.mark.parametrize(("tries", "state"), [(0, "queued"), (4, "failed")])
def test_no_step_runs_after_its_worker_died(embedded, tries, state):
    steps = [{"name": "one", "state": "done"}, {"name": "two", "state": "running", "notes": []}]
    job = silent(state=Job.State.RUNNING, tries=tries, steps=steps)
    waking.wake_silent_jobs()
    job.refresh_from_db()
    assert (job.state, [step["state"] for step in job.steps]) == (state, ["done", "interrupted"])


def test_a_job_that_failed_keeps_what_it_had_done(embedded):
    def work(_job, _progress):
        raise UpstreamError("It broke.", remedy="Mend it.").with_result({"new": 2})

    job = queue.run(queue.enqueue(Job.Kind.SYNC).pk, work)
    assert (job.state, job.result) == ("failed", {"new": 2})


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("package_refused", Outcome.REFUSED), ("bad_definition", Outcome.REFUSED), ("upstream_error", Outcome.FAILED),
        ("upstream_unavailable", Outcome.TRY_AGAIN), ("store_missing", Outcome.FAILED),
        ("store_unavailable", Outcome.TRY_AGAIN), ("internal_error", Outcome.FAILED),
        ("worker_died", Outcome.FAILED),
    ],
)  # fmt: skip
def test_what_a_failed_job_means_is_its_errors(embedded, code, outcome):
    assert Job(state=Job.State.FAILED, error_code=code).outcome is outcome
    assert Job(state=Job.State.DONE, error_code=code).outcome is None


def test_the_clock_can_not_ask_for_what_needs_arguments(embedded):
    for kind in ("publish", "intake_upload", "nothing"):
        with pytest.raises(ValueError, match=kind):
            start_scheduled(kind)
    assert Job.objects.count() == 0


def test_the_clock_asks_for_no_check_upstream_while_its_last_one_is_at_work(embedded):
    [job] = start_scheduled("sync_packages")
    queue.run(job.pk, lambda _job, _progress: {"asked": len(start_scheduled("sync_packages"))})
    job.refresh_from_db()
    assert job.result == {"asked": 0}
    assert len(start_scheduled("sync_packages")) == 1


def test_the_clock_makes_one_job_a_suite_that_is_due(embedded):
    embedded.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing", "unstable")])
    publish("testing", Silent())
    made = start_scheduled("refresh_signatures")
    assert [(job.subject, job.arguments) for job in made] == [
        ("stable", {"suites": ["stable"]}), ("unstable", {"suites": ["unstable"]}),
    ]  # fmt: skip
    assert start_scheduled("refresh_signatures") == made
    publish("unstable", Silent())  # in between: it is due no longer
    done = embedded.run_jobs()
    assert [[each["suite"] for each in job.result["suites"]] for job in done] == [["stable"], []]
    assert [job.arguments["suites"] for job in start_scheduled("force_rebuild")] == [
        ["stable"], ["testing"], ["unstable"],
    ]  # fmt: skip


def test_a_job_of_very_many_steps_keeps_the_first_and_the_last_and_every_warning(embedded):
    def work(_job, progress):
        for number in range(1000):
            progress.step("look at", str(number))
            if number == 500:
                progress.note("odd", level="warning")
        return {}

    job = queue.run(queue.enqueue(Job.Kind.SWEEP).pk, work)
    names = [step["detail"] for step in job.steps if step["name"] == "look at"]
    assert (names[:20], names[-1], len(job.steps)) == ([str(number) for number in range(20)], "999", 200)
    [left_out] = [step for step in job.steps if step["name"] == LEFT_OUT]
    assert left_out["total"] + len(names) == 1000
    assert [note["text"] for note in left_out["notes"]] == ["odd"]


def test_a_job_that_says_very_much_keeps_a_bounded_row(embedded):
    def work(_job, progress):
        for _step in range(100):
            progress.step("look at", "d" * 10_000)
            for _ in range(60):
                progress.note("n" * 10_000)
                progress.note("w" * 10_000, level="warning")
        return {}

    job = queue.run(queue.enqueue(Job.Kind.SWEEP).pk, work)
    notes = [note["level"] for step in job.steps for note in step["notes"]]
    assert (len(notes), notes.count("info") <= 500) == (1000, True)
    assert len(json.dumps(job.steps)) < 2_600_000
    job.refresh_from_db()
    assert [step["state"] for step in job.steps] == ["done"] * 100


def test_what_one_step_says_is_bounded_and_leaves_room_for_warnings(embedded):
    def work(_job, progress):
        for _ in range(6):
            progress.step("says much")
            for _ in range(300):
                progress.note("n")
        progress.step("warns")
        for _ in range(300):
            progress.note("w", level="warning")
        return {}

    job = queue.run(queue.enqueue(Job.Kind.SWEEP).pk, work)
    assert [len(step["notes"]) for step in job.steps] == [200, 200, 100, 0, 0, 0, 200]


def test_warnings_of_steps_that_are_left_out_are_bounded_too(embedded):
    def work(_job, progress):
        for _ in range(600):
            progress.step("warns")
            progress.note("w", level="warning")
        return {}

    job = queue.run(queue.enqueue(Job.Kind.SWEEP).pk, work)
    assert [len(step["notes"]) for step in job.steps if step["name"] == LEFT_OUT] == [200]


def test_what_deletes_from_the_pool_waits_in_the_sweepers_queue_alone():
    kinds = {Job.Kind.SWEEP, Job.Kind.PURGE, Job.Kind.REPAIR}
    assert set(kinds_that_are_not_of(["publish", "intake", "slow"])) == kinds
