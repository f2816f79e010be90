"""Jobs that wait longer than they should: the workers are busy, or there is none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from packages_app.models import Job
from packages_app.services.jobs.messages import kinds_that_are_not_of, queue_of
from packages_app.services.jobs.turns import SLOW

_SHOWN = 6


@dataclass(frozen=True)
class LateQueue:
    """A queue whose jobs wait: how many do, since when the oldest of them, and the jobs that hold its threads.

    `at_work` are the longest running ones: of the queues `slow` and `sweep` those of the two, of the others any, since
    a worker takes of all. `others_at_work` says that some job is at work, of whatever archive.
    """

    name: str
    waiting: int
    since: datetime
    at_work: tuple[Job, ...]
    others_at_work: bool = False

    @property
    def remedy(self) -> str:
        """Say what a person can do."""
        if not self.at_work and self.others_at_work:
            return "Wait until jobs of other archives have ended, or start more workers (WORKERS)."
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
    held_by = {
        slow: _at_work(kinds_that_are_not_of(SLOW) if slow else ()) for slow in {name in SLOW for name in of_queues}
    }
    others = bool(of_queues) and Job.of_all_archives.filter(state=Job.State.RUNNING).exists()
    return [
        LateQueue(
            name,
            sum(waiting for waiting, _ in counts),
            min(since for _, since in counts),
            held_by[name in SLOW],
            others,
        )
        for name, counts in sorted(of_queues.items())
    ]


def _at_work(but: Collection[str]) -> tuple[Job, ...]:
    """Return the jobs that run, the longest first and only a few, but those of some kinds."""
    running = Job.objects.filter(state=Job.State.RUNNING).exclude(kind__in=but)
    return tuple(running.only("kind", "subject", "started").order_by("started", "created", "pk")[:_SHOWN])
