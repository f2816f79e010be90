"""Celery tasks: one runs any job, one starts what the clock asks for, the others keep the house.

Messages only wake a worker; what is to be done stands in the job's row.
"""

from __future__ import annotations

from celery import shared_task

from packages_app.services import job_services, scheduled
from packages_app.services.jobs import waking
from packages_app.services.notices import send as sending
from packages_app.services.publication import watch_expiry as expiry


@shared_task(name="packages_app.tasks.run_job")
def run_job(job_id: str) -> None:
    """Do the work of a job."""
    job_services.run_job(job_id)


@shared_task(name="packages_app.tasks.start_scheduled")
def start_scheduled(kind: str) -> list[str]:
    """Make the jobs of a kind that the clock asks for; return their ids."""
    return [str(job.pk) for job in scheduled.start_scheduled(kind)]


@shared_task(name="packages_app.tasks.send_notices")
def send_notices() -> int:
    """Send notices on by e-mail, webhook and so on."""
    return sending.send_notices()


@shared_task(name="packages_app.tasks.watch_expiry")
def watch_expiry() -> list[str]:
    """Tell people of what is near its expiry."""
    return expiry.watch_expiry()


@shared_task(name="packages_app.tasks.wake_silent_jobs")
def wake_silent_jobs() -> int:
    """Wake jobs whose message or worker was lost."""
    return waking.wake_silent_jobs()
