"""Slow jobs take turns in a worker: however many wait, one of its threads is left for what somebody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from uuid import UUID

import structlog

from packages_app.models import Job
from packages_app.services.archives import entered, slugs
from packages_app.services.jobs.messages import queue_of, wake_worker_for

SLOW = ("slow", "sweep")
"""The queues whose jobs take turns."""
SLOW_AT_ONCE = 2
"""Of the threads of a worker, one fewer than `repomgr.processes` gives it."""

log = structlog.get_logger(__name__)


class Turns:
    """Lets `most` be at work at once, and remembers who else asked."""

    def __init__(self, most: int) -> None:
        self._free, self._waiting, self._lock = most, dict[str, str](), threading.Lock()

    def take(self, job_id: str, kind: str) -> bool:
        """Return whether a job may begin; it is remembered where it may not."""
        with self._lock:
            if not self._free:
                self._waiting[job_id] = kind
                return False
            self._free -= 1
            self._waiting.pop(job_id, None)
            return True

    def end(self) -> tuple[str, str] | None:
        """End a turn; return id and kind of the job that has waited longest for one, or None."""
        with self._lock:
            self._free += 1
            first = next(iter(self._waiting.items()), None)
            if first is not None:
                del self._waiting[first[0]]
            return first


_TURNS = Turns(SLOW_AT_ONCE)


def run_in_turn(job_id: str, run: Callable[[str], Job]) -> None:
    """Run a job in its archive; leave a slow one waiting, while as many of them as may be are at work in this process.

    One that waits so is woken when one of those ends, and if this process dies, by the clock. Of an archive that the
    installation has no more, or not yet, nothing is done.
    """
    found = Job.of_all_archives.filter(pk=UUID(job_id)).values_list("archive", "kind").first()
    if found is None or found[0] not in slugs():
        log.warning("job_of_no_archive", job=job_id, archive=found[0] if found else "")
        return
    slug, kind = found
    with entered(slug):
        _run_in_turn(job_id, kind, run)


def _run_in_turn(job_id: str, kind: str, run: Callable[[str], Job]) -> None:
    if queue_of(kind) not in SLOW:
        run(job_id)
        return
    if not _TURNS.take(job_id, kind):
        log.info("job_waits_for_turn", job=job_id, kind=kind)
        return
    try:
        run(job_id)
    finally:
        following = _TURNS.end()
        if following is not None:
            wake_worker_for(following[1], UUID(following[0]))
