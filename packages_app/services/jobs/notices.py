"""Notices of jobs that failed."""

from __future__ import annotations

from packages_app.models import Job, Notice
from packages_app.services.notices.notify import notify, settle_notices


def tell_of_failure(job: Job) -> None:
    """Tell that a job has failed, unless a notice that it raised itself says so more exactly."""
    said = Notice.objects.filter(job=job, settled=None, level="error").exclude(kind=Notice.Kind.JOB_FAILED)
    if not said.exists():
        notify(Notice.Kind.JOB_FAILED, _matter(job), job.error, remedy=job.remedy, job=job)


def settle_failure(job: Job) -> None:
    """Settle what was said of an earlier job that did the same work, now that this one has ended well."""
    settle_notices(Notice.Kind.JOB_FAILED, _matter(job))


def _matter(job: Job) -> str:
    """Name a job's work: kind and subject, and of an upload, which has no subject, the file."""
    file = str(job.arguments.get("staged", "")).rpartition("/")[2]
    return f"{job} {file}".rstrip()
