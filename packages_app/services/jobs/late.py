"""Jobs that wait longer than they should: the workers are busy, or there is none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from packages_app.models import Job
from packages_app.services.jobs.messages import queue_of
from packages_app.services.jobs.turns import SLOW

_SHOWN = 6


@dataclass(frozen=True)
class LateQueue:
    """A queue whose jobs wait: how many do, since when the oldest of them, and the jobs that hold its threads.

    `at_work` are the longest running ones: of the queues `slow` and `sweep` those of the two, of the others any, since
    a worker takes of all.
    """

    name: str
    waiting: int
    since: datetime
    at_work: tuple[Job, ...]

    @property
    def remedy(self) -> str:
        """Say what a person can do."""
        if not self.at_work:
            return "No worker is at work: see that workers and beat run, and what manage.py doctor says of the broker."
        return "Wait until one of these has ended, or start more workers (WORKERS)."


def late_queues(now: datetime) -> list[LateQueue]:
    """Return the queues with jobs that were to be taken by now and were not, by name; perhaps none.

    A job is late when SILENT_SECONDS have passed since its message was due. One that waits for a lease to be free is
    not, before its next try is.
    """
    late = Job.objects.filter(Q(wakes__gt=0) | Q(wake_at__lt=now), state=Job.State.QUEUED).order_by()
    of_queues: dict[str, list[tuple[int, datetime]]] = {}
    for kind, waiting, since in late.values_list("kind").annotate(Count("pk"), Min("created")):
        of_queues.setdefault(queue_of(kind), []).append((waiting, since))
    at_work = _at_work() if of_queues else []
    return [
        LateQueue(
            name,
            sum(waiting for waiting, _ in counts),
            min(since for _, since in counts),
            tuple(job for job in at_work if name not in SLOW or queue_of(job.kind) in SLOW)[:_SHOWN],
        )
        for name, counts in sorted(of_queues.items())
    ]


def _at_work() -> list[Job]:
    """Return the jobs that run, longest first; workers have threads for some, so that they are few."""
    return list(Job.objects.filter(state=Job.State.RUNNING).only("kind", "subject", "started").order_by("started"))
