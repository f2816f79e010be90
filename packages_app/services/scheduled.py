"""What the clock asks for: one job for each piece of work that is due."""

from __future__ import annotations

from packages_app.models import Job
from packages_app.services.jobs import queue
from packages_app.services.publication.refresh_signatures import suites_to_refresh
from packages_app.services.requests import request_force_rebuild, request_verify
from packages_app.services.snapshots.jobs import request_due_snapshots

_SCHEDULED = "scheduled"
_WHOLE = (Job.Kind.SYNC, Job.Kind.RECONCILE, Job.Kind.SWEEP)
"""Kinds that are one job and need no arguments."""
SCHEDULED_KINDS = frozenset({*_WHOLE, Job.Kind.REFRESH, Job.Kind.FORCE_REBUILD, Job.Kind.VERIFY, Job.Kind.SNAPSHOT})
"""What the clock may ask for; the others need arguments."""


def start_scheduled(kind: str) -> list[Job]:
    """Make the jobs of a kind that are due now, one a suite where it is work by suite; return them, perhaps none.

    One of an earlier time that still waits is not made again, and a check upstream not while one of the clock's is at
    work: vendors may be slower than the clock, and what two checks found at once would be fetched twice. Raise
    `ValueError` for a kind that the clock can't ask for, because it needs arguments.
    """
    if kind == Job.Kind.REFRESH:
        due = suites_to_refresh()
        return [queue.enqueue(Job.Kind.REFRESH, {"suites": [name]}, subject=name) for name in due]
    if kind == Job.Kind.FORCE_REBUILD:
        return request_force_rebuild([])
    if kind == Job.Kind.VERIFY:
        return request_verify(None)
    if kind == Job.Kind.SNAPSHOT:
        return request_due_snapshots()
    if kind not in _WHOLE:
        raise ValueError(f"The clock can't ask for {kind!r}, only for {', '.join(sorted(SCHEDULED_KINDS))}.")
    if kind == Job.Kind.SYNC and queue.is_at_work(Job.Kind.SYNC, _SCHEDULED):
        return []
    return [queue.enqueue(Job.Kind(kind), subject=_SCHEDULED)]
