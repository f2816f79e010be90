"""What the clock asks for: one job for each piece of work that is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from packages_app.models import Job
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.promotion import request_promotion
from packages_app.services.lifecycle.retention import request_retention
from packages_app.services.publication.refresh_signatures import request_refresh
from packages_app.services.requests import request_force_rebuild, request_sync, request_verify
from packages_app.services.snapshots.jobs import request_due_snapshots

_SCHEDULED = "scheduled"
_WHOLE = (Job.Kind.RECONCILE, Job.Kind.SWEEP)
"""Kinds that are one job and need no arguments."""
_ASKED: Mapping[str, Callable[[], list[Job]]] = {
    Job.Kind.SYNC: lambda: _waiting(request_sync([], None)),
    Job.Kind.REFRESH: request_refresh,
    Job.Kind.FORCE_REBUILD: lambda: request_force_rebuild([]),
    Job.Kind.VERIFY: lambda: request_verify(None),
    Job.Kind.RETAIN: request_retention,
    Job.Kind.PROMOTE: request_promotion,
    Job.Kind.SNAPSHOT: request_due_snapshots,
}
"""What asks for the jobs of a kind that are due, perhaps none."""
SCHEDULED_KINDS = frozenset({*_WHOLE, *(Job.Kind(kind) for kind in _ASKED)})
"""What the clock may ask for; the others need arguments."""


def start_scheduled(kind: str) -> list[Job]:
    """Make the jobs of a kind that are due now, one a suite where it is work by suite; return them, perhaps none.

    One of an earlier time that still waits is not made again, and a check of all upstream not while one is at work:
    vendors may be slower than the clock. Raise `ValueError` for a kind that the clock can't ask for, because it needs
    arguments.
    """
    if kind in _ASKED:
        return _ASKED[kind]()
    if kind not in _WHOLE:
        raise ValueError(f"The clock can't ask for {kind!r}, only for {', '.join(sorted(SCHEDULED_KINDS))}.")
    return [queue.enqueue(Job.Kind(kind), subject=_SCHEDULED)]


def _waiting(job: Job) -> list[Job]:
    """Return a job that still waits, and none where one at work was given instead."""
    return [job] if job.state == Job.State.QUEUED else []
