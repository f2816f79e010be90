"""Calls that wait for what is under way: few at once in a process, since each has a thread that others need."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from packages_app.models import Job

MOST_SECONDS = 120
_MOST_WAITING = 4
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGER = 0.03, 0.5, 1.2
"""Seconds between looks, which grow so that an end is seen a sixth of the time that it took later, at most."""

Seen = TypeVar("Seen")

_room = threading.BoundedSemaphore(_MOST_WAITING)


def wait_until(look: Callable[[], Seen], is_over: Callable[[Seen], bool], seconds: float) -> Seen:
    """Return what a look shows once that is over, or after so many seconds; at once where many calls wait already."""
    seen = look()
    until = time.monotonic() + min(seconds, MOST_SECONDS)
    if is_over(seen) or seconds <= 0 or not _room.acquire(blocking=False):
        return seen
    try:
        pause = _FIRST_PAUSE
        while not is_over(seen) and (left := until - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(pause * _LONGER, _LONGEST_PAUSE)
            seen = look()
        return seen
    finally:
        _room.release()


def wait_for_end(job: Job, seconds: float) -> Job:
    """Return a job once it has ended, or as it is after so many seconds."""

    def look() -> Job:
        job.refresh_from_db()
        return job

    return wait_until(look, lambda seen: seen.state in Job.ENDED, seconds)
