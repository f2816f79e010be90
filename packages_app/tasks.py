"""Celery tasks: each takes a job's id, or makes the job when the clock asks, and runs one service.

Messages only wake a worker; what is to be done stands in the job's row.
"""

from __future__ import annotations

from celery import shared_task

from packages_app.models import Job
from packages_app.services import job_services
from packages_app.services.jobs import queue
from packages_app.services.notices import send as sending
from packages_app.services.publication import watch_expiry as expiry
from packages_app.services.publication.refresh_signatures import suites_to_refresh
from packages_app.services.requests import request_verify


def _run(kind: Job.Kind, job_id: str | None) -> None:
    subject = "" if job_id else "scheduled"
    chosen = job_id or str(queue.enqueue(kind, subject=subject, wake_worker=False).pk)
    queue.run(chosen, job_services.SERVICES[kind])


@shared_task(name="packages_app.tasks.sync_packages")
def sync_packages(job_id: str | None = None) -> None:
    """Check upstream; without a job, all enabled definitions."""
    _run(Job.Kind.SYNC, job_id)


@shared_task(name="packages_app.tasks.intake_upload")
def intake_upload(job_id: str) -> None:
    """Take in a staged upload."""
    _run(Job.Kind.UPLOAD, job_id)


@shared_task(name="packages_app.tasks.build_bootstrap")
def build_bootstrap(job_id: str) -> None:
    """Build a bootstrap package and take it in."""
    _run(Job.Kind.BUILD, job_id)


@shared_task(name="packages_app.tasks.publish")
def publish(job_id: str) -> None:
    """Publish a suite."""
    _run(Job.Kind.PUBLISH, job_id)


@shared_task(name="packages_app.tasks.force_rebuild")
def force_rebuild(job_id: str | None = None) -> None:
    """Rebuild suites from the table; without a job, all of them."""
    _run(Job.Kind.FORCE_REBUILD, job_id)


@shared_task(name="packages_app.tasks.reconcile_mirror")
def reconcile_mirror(job_id: str | None = None) -> None:
    """Make the mirror equal to the table."""
    _run(Job.Kind.RECONCILE, job_id)


@shared_task(name="packages_app.tasks.sweep")
def sweep(job_id: str | None = None) -> None:
    """Take away what no client can ask for any more."""
    _run(Job.Kind.SWEEP, job_id)


@shared_task(name="packages_app.tasks.verify_repository")
def verify_repository(job_id: str | None = None) -> None:
    """Look for everything that is not as it should be; without a job, jobs are made for each suite and the pool."""
    if job_id:
        _run(Job.Kind.VERIFY, job_id)
    else:
        request_verify(None)


@shared_task(name="packages_app.tasks.repair_repository")
def repair_repository(job_id: str) -> None:
    """Do the repair that somebody consented to."""
    _run(Job.Kind.REPAIR, job_id)


@shared_task(name="packages_app.tasks.refresh_signatures")
def refresh_signatures(job_id: str | None = None) -> None:
    """Renew signatures that are past half of their life; the clock's question makes a job only when one is."""
    if job_id or suites_to_refresh():
        _run(Job.Kind.REFRESH, job_id)


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
    return queue.wake_silent_jobs()
