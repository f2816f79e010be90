"""Jobs: how far work is, and how it ended."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Status

from packages_app.api.listed import USUAL, Listed, page_of, row_of
from packages_app.api.needs import PUBLISHES, READS
from packages_app.api.shapes import PROBLEMS, JobShape
from packages_app.models import Job
from packages_app.services.jobs.waiting import wait_for_end
from packages_app.services.requests import request_again

router = Router(tags=["jobs"], auth=READS)


@router.get("", response={200: Listed[JobShape], **PROBLEMS})
def list_jobs(
    request: HttpRequest, state: str = "", kind: str = "", cursor: str = "", limit: int = USUAL
) -> dict[str, Any]:
    """List jobs, newest first; their steps and results are on their own pages."""
    rows = Job.objects.select_related("requested_by", "token")
    wanted = {name: value for name, value in (("state", state), ("kind", kind)) if value}
    page = page_of(rows.filter(**wanted), ("-created", "pk"), cursor, limit, (state, kind))
    return {**page, "items": [JobShape.of(job, whole=False) for job in page["items"]]}


@router.get("/{number}", response={200: JobShape, **PROBLEMS})
def one_job(request: HttpRequest, number: UUID, wait: int = 0) -> dict[str, Any]:
    """Return a job with its steps and log; `wait` seconds for its end, 120 at most."""
    return JobShape.of(wait_for_end(_job(number), wait))


@router.post("/{number}/again", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def job_again(request: HttpRequest, number: UUID) -> Status[dict[str, Any]]:
    """Ask for the work of a failed job once more."""
    return Status(202, JobShape.of(request_again(_job(number), request.user)))


def _job(number: UUID) -> Job:
    return row_of(Job.objects.select_related("requested_by", "token"), number, "job")
