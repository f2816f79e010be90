"""Jobs from request to end: asked for, claimed by one worker, run, woken when a worker died (DESIGN 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from celery import current_app
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import IntegrityError, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from packages_app.core.errors import LeaseBusy, RepomgrError
from packages_app.core.ports import Progress
from packages_app.models import Job
from packages_app.services.jobs.notices import settle_failure, tell_of_failure
from packages_app.services.jobs.progress import JobProgress, heartbeat, ours

Asker = AbstractBaseUser | AnonymousUser
"""Who asks for a job."""

Service = Callable[[Job, Progress], dict[str, Any]]
"""What does a job's work: gives the job's result, small and JSON-able; raises `RepomgrError`."""

_TRIES = 5
_BUSY_RETRY_SECONDS = 3
_KEPT = timedelta(days=30)

log = structlog.get_logger(__name__)


def enqueue(
    kind: Job.Kind,
    arguments: dict[str, Any] | None = None,
    *,
    subject: str = "",
    user: Asker | None = None,
    wake_worker: bool = True,
) -> Job:
    """Make a job and wake a worker once the surrounding transaction is committed (unless the caller runs it).

    A job of the same kind and non-empty subject that still waits is given instead of a second one: it will begin
    after this call, so it sees all that was written before.
    """
    with transaction.atomic():
        job = _waiting(kind, subject)
        if job is None:
            try:
                with transaction.atomic():
                    job = Job.objects.create(
                        kind=kind, arguments=arguments or {}, subject=subject, requested_by_id=user.pk if user else None
                    )
            except IntegrityError:  # another process made it a moment ago
                return _waiting(kind, subject) or enqueue(
                    kind, arguments, subject=subject, user=user, wake_worker=wake_worker
                )
            job_id = job.pk
            if wake_worker:
                transaction.on_commit(lambda: wake(kind, job_id))
            log.info("job_queued", job=str(job_id), kind=kind, subject=subject)
        return job


def wake(kind: str, job_id: UUID, *, countdown: float = 0) -> bool:
    """Send the message that makes a worker look at a job; False when the broker is away (beat tries again)."""
    try:
        current_app.send_task(f"packages_app.tasks.{kind}", args=[str(job_id)], countdown=countdown or None)
    except (OperationalError, OSError) as error:
        log.warning("broker_away", job=str(job_id), kind=kind, error=str(error))
        return False
    return True


def run(job_id: UUID | str, service: Service, *, watcher: Progress | None = None, patient: bool = True) -> Job:
    """Do a queued job's work here; a job that another process has is left alone. Gives the job as it is afterwards.

    A `RepomgrError` ends the job as failed, with code and remedy, and is not raised again. Any other exception does
    so too, and is raised. A `patient` caller has workers that try again: where a retry can help, the job goes back to
    the queue, some times.
    """
    now = timezone.now()
    claimed = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, started=now, heartbeat=now, steps=[], error="", error_code=""
    )
    job = Job.objects.get(pk=job_id)
    if not claimed:
        return job
    progress = JobProgress(job, watcher)
    with structlog.contextvars.bound_contextvars(job=str(job.pk), kind=job.kind), heartbeat(job):
        try:
            job.result = service(job, progress)
        except LeaseBusy as busy:
            _put_back(job, str(busy))
            return job
        except RepomgrError as error:
            # A server that is away, or another publisher that was faster: the same work may well succeed later.
            if patient and error.retryable and job.tries + 1 < _TRIES:
                progress.end("failed")
                _put_back(job, str(error), tries=job.tries + 1)
                return job
            _end(job, progress, Job.State.FAILED, code=error.code, error=error.message, remedy=error.remedy)
        except Exception as error:
            remedy = "This is a fault of repomgr: the log has the traceback. The job can be started again."
            _end(
                job,
                progress,
                Job.State.FAILED,
                code="internal_error",
                error=f"{type(error).__name__}: {error}",
                remedy=remedy,
            )
            log.exception("job_crashed")
            raise
        else:
            _end(job, progress, Job.State.DONE)
    return job


def wake_silent_jobs() -> int:
    """Wake jobs whose message or worker was lost, and forget old ones; gives how many were woken."""
    now = timezone.now()
    silent_since = now - timedelta(seconds=settings.SILENT_SECONDS)
    woken = 0
    for job in Job.objects.filter(state=Job.State.RUNNING, heartbeat__lt=silent_since):
        woken += _revive(job)
    for job in Job.objects.filter(state=Job.State.QUEUED, created__lt=silent_since):
        woken += wake(job.kind, job.pk)
    Job.objects.filter(state__in=Job.ENDED, ended__lt=now - _KEPT).delete()
    return woken


def _revive(job: Job) -> bool:
    """Put a job whose worker died back into the queue; give up after some tries."""
    same = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, heartbeat=job.heartbeat)
    if job.tries + 1 >= _TRIES:
        given_up = same.update(
            state=Job.State.FAILED,
            ended=timezone.now(),
            error_code="worker_died",
            error=f"The worker died {_TRIES} times during this job.",
            remedy="Look for the cause in the worker's log (memory?), then start the job again.",
        )
        if given_up:
            job.refresh_from_db()
            tell_of_failure(job)
        return False
    log.warning("job_silent", job=str(job.pk), kind=job.kind, tries=job.tries + 1)
    try:
        with transaction.atomic():
            revived = same.update(state=Job.State.QUEUED, tries=job.tries + 1)
    except IntegrityError:  # a later job of this subject waits already and does the same work
        same.update(state=Job.State.DONE, ended=timezone.now(), result={"folded": True})
        return False
    return bool(revived) and wake(job.kind, job.pk)


def _put_back(job: Job, why: str, *, tries: int | None = None) -> None:
    try:
        with transaction.atomic():
            tries = job.tries if tries is None else tries
            ours(job).update(state=Job.State.QUEUED, started=None, tries=tries)
    except IntegrityError:
        ours(job).update(state=Job.State.DONE, ended=timezone.now(), result={"folded": True})
    else:
        log.info("job_waits", why=why)
        wake(job.kind, job.pk, countdown=_BUSY_RETRY_SECONDS * 2 ** (tries or 0))
    job.refresh_from_db()


def _end(
    job: Job, progress: JobProgress, state: Job.State, *, code: str = "", error: str = "", remedy: str = ""
) -> None:
    progress.end("done" if state == Job.State.DONE else "failed")
    values = {
        "state": state, "ended": timezone.now(), "steps": job.steps, "result": job.result,
        "error_code": code, "error": error, "remedy": remedy,
    }  # fmt: skip
    if not ours(job).update(**values):
        log.warning("job_went_on_elsewhere", error=error)
        job.refresh_from_db()
        return
    job.refresh_from_db()
    follower = _waiting(Job.Kind(job.kind), job.subject)
    if follower is not None:  # it may have found this one at work; now it need not wait any longer
        wake(follower.kind, follower.pk)
    if state == Job.State.DONE:
        log.info("job_done", result=job.result)
        settle_failure(job)
    else:
        log.error("job_failed", code=code, error=error, remedy=remedy)
        tell_of_failure(job)


def waiting_jobs(kind: Job.Kind) -> list[Job]:
    """Give the queued jobs of a kind, oldest first."""
    return list(Job.objects.filter(kind=kind, state=Job.State.QUEUED).order_by("created"))


def _waiting(kind: Job.Kind, subject: str) -> Job | None:
    if not subject:
        return None
    return Job.objects.filter(kind=kind, subject=subject, state=Job.State.QUEUED).first()
