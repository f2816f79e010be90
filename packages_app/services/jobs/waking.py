"""Jobs whose message or worker was lost: woken with growing pauses, and given up when they kill their workers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from packages_app.models import Job, Webhook
from packages_app.services.jobs.lines import tell_ended
from packages_app.services.jobs.messages import wake_worker_for
from packages_app.services.jobs.notices import tell_of_failure
from packages_app.services.jobs.progress import end_running_step
from packages_app.services.jobs.queue import MOST_TRIES
from packages_app.services.webhooks.facts import job_failed
from packages_app.services.webhooks.tell import tell

WOKEN_AT_ONCE = 500
"""The most waiting jobs that one run wakes: those behind them had their message, and their turn comes."""
_PAUSE_GROWTH = 4
_LONGEST_PAUSE = timedelta(minutes=15)
"""So long a job may wait when its message was lost after others had been sent in vain."""
_FORGOTTEN_AT_ONCE = 500
"""Old rows that one run removes: after a shorter time was set, it takes some minutes, and never much memory."""

log = structlog.get_logger(__name__)


def wake_silent_jobs(now: datetime | None = None, *, send: Callable[[str, UUID], bool] = wake_worker_for) -> int:
    """Wake jobs whose message or worker was lost, and forget old ones; return how many messages were sent.

    `send` sends the message for a kind and id, and returns False when there is no broker: the rest then waits for the
    next run.
    """
    now = now or timezone.now()
    silent_since = now - timedelta(seconds=settings.SILENT_SECONDS)
    for job in Job.objects.filter(state=Job.State.RUNNING, heartbeat__lt=silent_since):
        _revive(job, now)
    woken = _wake_waiting(now, send)
    _forget(now - timedelta(days=settings.JOBS_KEPT_DAYS))
    return woken


def _forget(old: datetime) -> None:
    ended = Job.objects.filter(state__in=Job.ENDED, ended__lt=old).order_by("ended")
    if keys := list(ended.values_list("pk", flat=True)[:_FORGOTTEN_AT_ONCE]):
        Job.objects.filter(pk__in=keys).delete()


def _wake_waiting(now: datetime, send: Callable[[str, UUID], bool]) -> int:
    """Send messages for the waiting jobs whose time has come, longest waiting first, and set when they are next."""
    due = Job.objects.filter(state=Job.State.QUEUED, wake_at__lte=now).order_by("wake_at")
    woken: dict[int, list[UUID]] = {}
    for kind, job_id, wakes in due.values_list("kind", "pk", "wakes")[:WOKEN_AT_ONCE]:
        if not send(kind, job_id):
            break
        woken.setdefault(wakes, []).append(job_id)
    for wakes, job_ids in woken.items():
        waiting = Job.objects.filter(pk__in=job_ids, state=Job.State.QUEUED, wakes=wakes)
        waiting.update(wakes=F("wakes") + 1, wake_at=now + _pause(wakes + 1))
    return sum(map(len, woken.values()))


def _pause(wakes: int) -> timedelta:
    """Return how long a job that was woken so often waits for the next time."""
    longest = _LONGEST_PAUSE.total_seconds()
    # Beyond a few wakes the power is far above the longest pause, and would in time be above what floats hold.
    return timedelta(seconds=min(settings.SILENT_SECONDS * _PAUSE_GROWTH ** min(wakes, 10), longest))


def _give_up(job: Job, same: QuerySet[Job], now: datetime) -> bool:
    """End a job that kills its workers as failed; return whether it was still this run's."""
    with transaction.atomic():
        given_up = same.update(
            state=Job.State.FAILED,
            ended=now,
            steps=job.steps,
            error_code="worker_died",
            error=f"The worker died {MOST_TRIES} times during this job.",
            remedy="Look for the cause in the worker's log (memory?), then start the job again.",
        )
        if given_up:
            job.refresh_from_db()
            tell_ended(job)
            tell(Webhook.Event.JOB_FAILED, [job_failed(job, job.error_code, job.error, job.remedy)])
    return bool(given_up)


def _revive(job: Job, now: datetime) -> None:
    """Put a job whose worker died back into the queue, to be woken at once; give up after some tries."""
    same = Job.objects.filter(pk=job.pk, state=Job.State.RUNNING, heartbeat=job.heartbeat)
    end_running_step(job, "interrupted", now)
    if job.tries + 1 >= MOST_TRIES:
        if _give_up(job, same, now):
            tell_of_failure(job)
        return
    log.warning("job_silent", job=str(job.pk), kind=job.kind, tries=job.tries + 1)
    try:
        with transaction.atomic():
            same.update(state=Job.State.QUEUED, steps=job.steps, tries=job.tries + 1, wake_at=now, wakes=0)
    except IntegrityError:  # a later job of this subject waits already and does the same work
        same.update(state=Job.State.DONE, ended=now, steps=job.steps, result={"folded": True})
