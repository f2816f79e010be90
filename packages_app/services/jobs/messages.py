"""Messages that wake workers: what is to be done stands in the job's row, so that a lost message loses no work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import structlog
from celery import current_app
from kombu import Queue
from kombu.exceptions import ChannelError, OperationalError

from packages_app.models import Job

_QUEUES: Mapping[str, str] = {
    Job.Kind.PUBLISH: "publish",
    Job.Kind.REFRESH: "publish",
    Job.Kind.UPLOAD: "intake",
    Job.Kind.BUILD: "intake",
    Job.Kind.KEYS: "intake",
    Job.Kind.SWEEP: "sweep",
    Job.Kind.PURGE: "sweep",
    Job.Kind.REPAIR: "sweep",
}
"""The queue of a kind of job, one of CELERY_TASK_QUEUES; of others `slow`: they may take hours.

What deletes from the pool is apart, so that a process alone may have the right to it."""

_OLD_QUEUE = "celery"
"""Where releases before the three queues sent all messages; no worker listens there any more."""

_BROKER_AWAY = (OperationalError, ChannelError, OSError)
"""What a broker's transport raises; the second is of folders that can't be written."""

log = structlog.get_logger(__name__)


def queue_of(kind: str) -> str:
    """Return the name of the queue that a kind of job waits in: publish, intake, slow or sweep."""
    return _QUEUES.get(kind, "slow")


def kinds_that_are_not_of(queues: Collection[str]) -> list[str]:
    """Return the kinds of jobs that wait in other queues than these."""
    return [kind for kind in Job.Kind.values if queue_of(kind) not in queues]


def wake_worker_for(kind: str, job_id: UUID, *, countdown: float = 0) -> bool:
    """Send the message that makes a worker look at a job, in `countdown` seconds; return False without a broker."""
    try:
        current_app.send_task(
            "packages_app.tasks.run_job", args=[str(job_id)], queue=queue_of(kind), countdown=countdown or None
        )
    except _BROKER_AWAY as error:
        log.warning("broker_away", job=str(job_id), kind=kind, error=str(error))
        return False
    return True


def drop_old_messages() -> int:
    """Drop the messages of older releases, whose jobs are woken anyway; return how many; 0 without a broker."""
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0)
            dropped = int(Queue(_OLD_QUEUE)(connection.default_channel).purge() or 0)
    except _BROKER_AWAY as error:
        log.warning("broker_away", error=str(error))
        return 0
    if dropped:
        log.info("old_messages_dropped", messages=dropped)
    return dropped
