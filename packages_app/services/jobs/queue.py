"""Jobs from request to end: asked for, claimed by one worker, run, put back or ended (docs/ARCHITECTURE.md, Jobs)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from packages_app.core.audit import Actor, ActorKind, acting
from packages_app.core.errors import LeaseBusy, RepomgrError, UpstreamUnavailable
from packages_app.core.ports import Progress
from packages_app.core.running_errors import TooManyJobs
from packages_app.core.storable_text import storable, storable_json
from packages_app.models import Job, Webhook
from packages_app.services import adapters
from packages_app.services.audit.write import actor_now, by_token, deed, this_process
from packages_app.services.jobs.lines import tell_asked, tell_ended
from packages_app.services.jobs.messages import wake_worker_for
from packages_app.services.jobs.notices import settle_failure, tell_of_failure
from packages_app.services.jobs.progress import JobProgress, heartbeat, row_of_this_run
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of
from packages_app.services.rights.shown_token import shown_token
from packages_app.services.transactions import in_transaction
from packages_app.services.webhooks.facts import job_failed
from packages_app.services.webhooks.tell import tell

Service = Callable[[Job, Progress], dict[str, Any]]
"""What does a job's work: returns the job's result, small and JSON-able, or raises `RepomgrError`, with the result
of what was done before it."""

MOST_TRIES = 5
_BUSY_RETRY_SECONDS = 3

log = structlog.get_logger(__name__)


def enqueue(
    kind: Job.Kind,
    arguments: dict[str, Any] | None = None,
    *,
    subject: str = "",
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Make a job and wake a worker once the surrounding transaction is committed (unless the caller runs it).

    `user` asks in the admin, `requested_as` names the system user whose command does.
    A job of the same kind and non-empty subject that still waits is returned instead of a second one: it will begin
    after this call, so it sees all that was written before. Raise `TooManyJobs` as `require_room`.
    """
    with transaction.atomic():
        job = _waiting(kind, subject)
        if job is None:
            require_room(user)
            try:
                with transaction.atomic():
                    job = Job.objects.create(
                        kind=kind,
                        arguments=arguments or {},
                        subject=subject,
                        requested_by_id=user.pk if user else None,
                        requested_as=requested_as,
                        rights=rights_of(user).as_json() if user is not None else None,
                        token_id=_token(),
                        wake_at=_wake_at(),
                        **_asker(user, requested_as),
                    )
            except IntegrityError:  # another process made it a moment ago
                return _waiting(kind, subject) or enqueue(
                    kind, arguments, subject=subject, user=user, requested_as=requested_as, wake_worker=wake_worker
                )
            job_id = job.pk
            if wake_worker:
                transaction.on_commit(lambda: wake_worker_for(kind, job_id))
            tell_asked(job)  # its line is sealed once a worker is awake
            log.info("job_queued", job=str(job_id), kind=kind, subject=subject)
        return job


def _asker(user: Asker | None, requested_as: str) -> dict[str, str]:
    """Return who asks, as the job's row keeps it: who acts here, unless a caller names another."""
    who, token = actor_now(), shown_token()
    if user is not None and token is not None:
        who = by_token(user.get_username() if user.pk is not None else "", token, who.address)
    elif user is not None and user.pk is not None and who.number != str(user.pk):
        who = Actor(ActorKind.PERSON, user.get_username())
    elif requested_as:
        who = replace(who if who.kind is ActorKind.COMMAND else this_process(), name=requested_as)
    return {"asker_kind": who.kind, "asker_name": who.name[:255], "asked_from": who.address[:255]}


def require_room(user: Asker | None) -> None:
    """Raise `TooManyJobs` when MOST_WAITING_JOBS jobs of a person wait; who runs a command (None) has no bound."""
    if user is None or (user.pk is None and _token() is None):
        return
    own = {"requested_by_id": user.pk} if user.pk is not None else {"token_id": _token()}
    waiting = Job.objects.filter(state=Job.State.QUEUED, **own).count()
    if waiting >= settings.MOST_WAITING_JOBS:
        raise TooManyJobs(
            f"{waiting} jobs of {user.get_username()} wait already.",
            remedy="Wait until workers have done some of them; MOST_WAITING_JOBS sets the bound.",
        )


@told_as_ours()
def run(job_id: UUID | str, service: Service, *, watcher: Progress | None = None, patient: bool = True) -> Job:
    """Do a queued job's work here; leave one that another process has alone. Return the job as it is afterwards.

    A `RepomgrError` ends the job as failed, with code and remedy, and is not raised again. Any other exception does
    so too, and is raised. A `patient` caller has workers that try again: where a retry can help, the job goes back to
    the queue, some times; a check upstream does not.
    """
    now = timezone.now()
    claimed = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
        state=Job.State.RUNNING, started=now, heartbeat=now, steps=[], error="", error_code=""
    )
    job = Job.objects.get(pk=job_id)
    if not claimed:
        return job
    progress = JobProgress(job, watcher)
    bound = structlog.contextvars.bound_contextvars(job=str(job.pk), kind=job.kind)
    with bound, deed(job.pk), acting(job.actor), heartbeat(job):
        try:
            with told_as_ours():
                adapters.configuration().look()  # what was saved before a job began counts for it
                job.result = service(job, progress)
        except LeaseBusy as busy:
            _put_back(job, progress, str(busy), step="interrupted", tries=job.tries)
            return job
        except RepomgrError as error:
            # A server that is away, or another publisher that was faster: the same work may well succeed later.
            if patient and _may_try_again(error) and job.tries + 1 < MOST_TRIES:
                _put_back(job, progress, str(error), step="failed", tries=job.tries + 1)
                return job
            job.result = error.result
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


def _token() -> int | None:
    token = shown_token()
    return token.number if token is not None else None


def _may_try_again(error: RepomgrError) -> bool:
    """Return whether a worker tries again: not what vendors failed at, since the clock asks them often enough."""
    return error.retryable and not isinstance(error, UpstreamUnavailable)


def _put_back(job: Job, progress: JobProgress, why: str, *, step: str, tries: int) -> None:
    """Let a job wait for another try, its last step ended as `step`; one that waits behind it does its work too."""
    progress.end(step)
    pause = _BUSY_RETRY_SECONDS * 2**tries
    values = {"state": Job.State.QUEUED, "started": None, "tries": tries, "wakes": 0, "wake_at": _wake_at(pause)}
    try:
        with transaction.atomic():
            row_of_this_run(job).update(steps=job.steps, **values)
    except IntegrityError:
        row_of_this_run(job).update(
            state=Job.State.DONE, ended=timezone.now(), steps=job.steps, result={"folded": True}
        )
    else:
        log.info("job_waits", why=why)
        wake_worker_for(job.kind, job.pk, countdown=pause)
    job.refresh_from_db()


def _wake_at(countdown: float = 0) -> datetime:
    """Return when a job counts as lost whose message arrives in `countdown` seconds."""
    return timezone.now() + timedelta(seconds=countdown + settings.SILENT_SECONDS)


def _end(
    job: Job, progress: JobProgress, state: Job.State, *, code: str = "", error: str = "", remedy: str = ""
) -> None:
    progress.end("done" if state == Job.State.DONE else "failed")
    values = {
        "state": state, "ended": timezone.now(), "steps": job.steps, "result": storable_json(job.result),
        "error_code": code, "error": storable(error), "remedy": storable(remedy),
    }  # fmt: skip
    if not in_transaction(lambda: _ended(job, values)):
        log.warning("job_went_on_elsewhere", error=error)
        job.refresh_from_db()
        return
    job.refresh_from_db()
    follower = _waiting(Job.Kind(job.kind), job.subject)
    if follower is not None:  # it may have found this one at work; now it need not wait any longer
        wake_worker_for(follower.kind, follower.pk)
    if state == Job.State.DONE:
        log.info("job_done", result=job.result)
        settle_failure(job)
    else:
        log.error("job_failed", code=code, error=error, remedy=remedy)
        tell_of_failure(job)


def _ended(job: Job, values: dict[str, Any]) -> bool:
    """End a job and tell of it, together; return whether this run still had it."""
    if not row_of_this_run(job).update(**values):
        return False
    for name, value in values.items():
        setattr(job, name, value)
    tell_ended(job)
    if job.state == Job.State.FAILED:
        tell(Webhook.Event.JOB_FAILED, [job_failed(job, job.error_code, job.error, job.remedy)])
    return True


def waiting_jobs(kind: Job.Kind) -> list[Job]:
    """Return the queued jobs of a kind, oldest first."""
    return list(Job.objects.filter(kind=kind, state=Job.State.QUEUED).order_by("created"))


def _waiting(kind: Job.Kind, subject: str) -> Job | None:
    if not subject:
        return None
    return Job.objects.filter(kind=kind, subject=subject, state=Job.State.QUEUED).first()
