"""Notices of jobs that failed: raised once a matter, and settled by whatever job has done the work since."""

from __future__ import annotations

from collections.abc import Mapping

from packages_app.models import Job, Notice
from packages_app.services.notices.notify import notify, settle_notices

_DOES_WORK_OF: Mapping[str, frozenset[str]] = {
    Job.Kind.PUBLISH: frozenset({Job.Kind.PUBLISH, Job.Kind.REFRESH}),
    Job.Kind.FORCE_REBUILD: frozenset({Job.Kind.PUBLISH, Job.Kind.REFRESH, Job.Kind.FORCE_REBUILD}),
    Job.Kind.REFRESH: frozenset({Job.Kind.REFRESH}),
    Job.Kind.SYNC: frozenset({Job.Kind.SYNC}),
    Job.Kind.RECONCILE: frozenset({Job.Kind.RECONCILE}),
}
"""The kinds whose work a job has done when it ends well, for what it was about: a publication signs anew, a rebuild
publishes. Other kinds do the same work only where kind and subject are the same."""


def tell_of_failure(job: Job) -> None:
    """Tell that a job has failed, unless a notice that it raised itself says so more exactly."""
    said = Notice.objects.filter(job=job, settled=None, level="error").exclude(kind=Notice.Kind.JOB_FAILED)
    if not said.exists():
        notify(Notice.Kind.JOB_FAILED, _matter(job), job.error, remedy=job.remedy, job=job)


def settle_failure(job: Job) -> None:
    """Settle what was said of earlier jobs whose work this one, which has ended well, has done."""
    settle_notices(Notice.Kind.JOB_FAILED, _matter(job))
    kinds = _DOES_WORK_OF.get(job.kind, frozenset())
    said = Notice.objects.filter(kind=Notice.Kind.JOB_FAILED, settled=None, job__kind__in=kinds)
    for notice in said.select_related("job").defer("job__steps"):
        failed = notice.job
        if failed is not None and _began_later(job, failed) and _is_about_all_of(job, failed):
            settle_notices(Notice.Kind.JOB_FAILED, notice.subject)


def _began_later(job: Job, failed: Job) -> bool:
    """Return whether a job saw what another failed at: one that began before it may not have."""
    return job.started is not None and (failed.started is None or job.started >= failed.started)


def _is_about_all_of(job: Job, failed: Job) -> bool:
    """Return whether a job's suites, or the definitions that it checked without a fault, hold all of another's."""
    own, wanted = _names(job), _names(failed)
    if job.kind == Job.Kind.PUBLISH and not own:  # it is about one suite, always
        return False
    if own and not (wanted and wanted <= own):
        return False
    unseen = {*job.result.get("failed", ()), *job.result.get("at_work", ())}
    at_fault = unseen if job.kind == Job.Kind.SYNC else set()
    return at_fault.isdisjoint(wanted) if wanted else not at_fault


def _names(job: Job) -> set[str]:
    """Return the suites or definitions that a job is about; none for one that is about all."""
    arguments = job.arguments
    one = [arguments["suite"]] if "suite" in arguments else []
    return {*one, *arguments.get("suites", ()), *arguments.get("names", ())}


def _matter(job: Job) -> str:
    """Name a job's work: kind and subject, and of an upload, which has no subject, the file."""
    file = str(job.arguments.get("staged", "")).rpartition("/")[2]
    return f"{job} {file}".rstrip()
