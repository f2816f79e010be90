"""What is measured of an archive's jobs: those that wait and run, and those that ended in the last hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Max, Min, Q, Sum

from packages_app.models import Job
from packages_app.services.jobs.messages import queue_of
from packages_app.services.metrics.figure import Sample

_HOUR = timedelta(hours=1)
_OUTSIDE: Mapping[str, str] = {
    "table": "table",
    "store": "bucket",
    "object": "bucket",
    "immutable": "bucket",
    "upstream": "upstream",
    "signature": "upstream",
    "disk": "disk",
    "service": "server",
    "database": "server",
    "worker": "worker",
}
"""What failed a job, by the first word of its error's code; else it is `other`."""
_FAILED_BY = (*sorted(set(_OUTSIDE.values())), "other")
_QUEUES = sorted({queue_of(kind) for kind in Job.Kind.values})


def work_samples(now: datetime) -> Iterator[Sample]:
    """Give the figures of jobs, without the label `archive`."""
    yield from _at_work(now)
    yield from _queued(now)
    yield from _ended(now - _HOUR)


def _at_work(now: datetime) -> Iterator[Sample]:
    for state in (Job.State.QUEUED, Job.State.RUNNING):
        yield Sample("repomgr_jobs", (state.value,), Job.objects.filter(state=state).count())
    silent_since = now - timedelta(seconds=settings.SILENT_SECONDS)
    silent = Job.objects.filter(state=Job.State.RUNNING, heartbeat__lt=silent_since)
    yield Sample("repomgr_jobs_silent", (), silent.count())


def _queued(now: datetime) -> Iterator[Sample]:
    """Give what is due: a job that waits for a lease is not, and one that was woken in vain has been since its making.

    A job is first woken SILENT_SECONDS after its message was due (`jobs.queue`).
    """
    grace = timedelta(seconds=settings.SILENT_SECONDS)
    due = Job.objects.filter(Q(wakes__gt=0) | Q(wake_at__lte=now + grace), state=Job.State.QUEUED).order_by()
    waiting: Counter[str] = Counter()
    since: dict[str, datetime] = {}
    for kind, jobs, never_woken, woken in due.values_list("kind").annotate(
        Count("pk"), unheeded=Min("wake_at", filter=Q(wakes=0)), woken=Min("created", filter=Q(wakes__gt=0))
    ):
        queue = queue_of(kind)
        waiting[queue] += jobs
        began = min(filter(None, (never_woken and never_woken - grace, woken)))
        since[queue] = min(began, since.get(queue, began))
    for queue in _QUEUES:
        age = (now - since[queue]).total_seconds() if queue in since else 0
        yield Sample("repomgr_queue_jobs", (queue,), waiting[queue])
        yield Sample("repomgr_queue_oldest_seconds", (queue,), max(age, 0))


def _ended(since: datetime) -> Iterator[Sample]:
    ended: Counter[tuple[str, str]] = Counter()
    failed: Counter[str] = Counter()
    worked: Counter[str] = Counter()
    longest: dict[str, float] = {}
    took = F("ended") - F("started")
    rows = Job.objects.filter(ended__gt=since).order_by()  # of the index by end alone
    for kind, state, code, jobs, total, most in rows.values_list("kind", "state", "error_code").annotate(
        Count("pk"), total=Sum(took), most=Max(took)
    ):
        ended[kind, state] += jobs
        worked[kind] += total.total_seconds() if total else 0
        longest[kind] = max(longest.get(kind, 0), most.total_seconds() if most else 0)
        if state == Job.State.FAILED:
            failed[_OUTSIDE.get(code.partition("_")[0], "other")] += jobs
    for kind in Job.Kind.values:
        for state in Job.ENDED:
            yield Sample("repomgr_jobs_ended_last_hour", (kind, state.value), ended[kind, state])
        yield Sample("repomgr_job_seconds_last_hour", (kind,), worked[kind])
        yield Sample("repomgr_job_longest_seconds_last_hour", (kind,), longest.get(kind, 0))
    for name in _FAILED_BY:
        yield Sample("repomgr_job_failures_last_hour", (name,), failed[name])
