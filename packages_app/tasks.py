"""Celery tasks: one runs any job, one starts what the clock asks for, the others keep the house, each in every archive.

Messages only wake a worker; what is to be done stands in the job's row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import wraps
from itertools import chain
from typing import Any, ParamSpec, TypeVar, cast

import structlog
from celery import shared_task

from packages_app.core.errors import RepomgrError
from packages_app.services import audit_keeping, job_services, old_rows, scheduled
from packages_app.services.access import token_ends
from packages_app.services.archives import in_each
from packages_app.services.audit.doors import clock_door
from packages_app.services.jobs import waking
from packages_app.services.jobs.turns import run_in_turn
from packages_app.services.keys import expiry
from packages_app.services.lifecycle import rollout
from packages_app.services.notices import send as sending
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.setup import disk_space, faults
from packages_app.services.webhooks import send as sending_webhooks

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

log = structlog.get_logger(__name__)


def _task(work: Callable[Parameters, Result]) -> Any:
    """Make a task of a function; what database, broker and disk say of themselves is one line of the log."""

    @wraps(work)
    def told(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
        try:
            with told_as_ours(), clock_door():
                return work(*args, **kwargs)
        except RepomgrError as error:
            log.error("task_gave_up", task=work.__name__, code=error.code, error=error.message, remedy=error.remedy)
            raise

    # What it throws is no surprise to Celery, which says nothing more of it.
    return cast("Any", shared_task(name=f"packages_app.tasks.{work.__name__}", throws=(RepomgrError,))(told))


@_task
def run_job(job_id: str) -> None:
    """Do the work of a job, a slow one when it is its turn."""
    run_in_turn(job_id, job_services.run_job)


@_task
def start_scheduled(kind: str) -> list[str]:
    """Make the jobs of a kind that the clock asks for; return their ids."""
    return [str(job.pk) for jobs in in_each(lambda: scheduled.start_scheduled(kind)) for job in jobs]


@_task
def send_notices() -> int:
    """Send notices on by e-mail, webhook and so on."""
    return sum(in_each(sending.send_notices))


@_task
def send_webhooks() -> int:
    """Send webhooks what they are told and have not received yet."""
    return sum(in_each(sending_webhooks.send_webhooks))


@_task
def step_rollouts() -> list[str]:
    """Ask for the next step of every roll-out that is due; return the ids of the jobs."""
    return [str(job.pk) for job in in_each(rollout.step_rollouts) if job is not None]


@_task
def watch_expiry() -> list[str]:
    """Tell people of what is near its expiry, and the web process how keys stand."""
    return list(chain.from_iterable(in_each(expiry.watch_keys_and_suites)))


@_task
def watch_tokens() -> list[str]:
    """Tell people of tokens in use that are near their end."""
    return list(chain.from_iterable(in_each(token_ends.watch_tokens)))


@_task
def watch_disks() -> list[str]:
    """Tell people of a disk before it is full."""
    return list(chain.from_iterable(in_each(disk_space.watch_disks)))


@_task
def watch_configuration() -> list[str]:
    """Tell people of files of the configuration that are at fault, or mended."""
    return list(chain.from_iterable(in_each(faults.watch_configuration)))


@_task
def remove_old_rows() -> dict[str, int]:
    """Remove rows that nobody asks for any more; return how many of each kind."""
    removed = Counter[str]()
    for each in in_each(old_rows.remove_old_rows):
        removed.update(each)
    return dict(removed)


@_task
def keep_audit_trail() -> dict[str, int]:
    """Export the audit trail, and let go what is too old."""
    return audit_keeping.keep_trail()


@_task
def wake_silent_jobs() -> int:
    """Wake jobs whose message or worker was lost."""
    return sum(in_each(waking.wake_silent_jobs))
