"""What people ask for: each call makes a job (or gives the one that waits already) and names who asked."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from packages_app.core.errors import PackageRefused
from packages_app.core.version import parse_version
from packages_app.models import Conflict, Job
from packages_app.services import jobs
from packages_app.services.build_bootstrap import bootstrap_definition
from packages_app.services.publication_requests import known_suite

log = structlog.get_logger(__name__)


def request_sync(names: Iterable[str], user: jobs.Asker) -> Job:
    """Ask for a check of the named definitions upstream; all enabled ones when none is named."""
    wanted = sorted(names)
    return jobs.enqueue(Job.Kind.SYNC, {"names": wanted}, subject=_subject(wanted), user=user)


def request_force_rebuild(suites: Iterable[str], user: jobs.Asker, *, repair: bool = False) -> Job:
    """Ask for a force rebuild of suites, all when none is named; raises `PackageRefused` for an unknown one."""
    wanted = sorted({known_suite(name).name for name in suites})
    arguments = {"suites": wanted, "repair": repair}
    subject = _subject(wanted) + (" with repair" if repair else "")
    return jobs.enqueue(Job.Kind.FORCE_REBUILD, arguments, subject=subject, user=user)


def request_build(name: str, version: str, user: jobs.Asker) -> Job:
    """Ask for a build of a bootstrap package; raises `PackageRefused`, `InvalidVersion`."""
    bootstrap_definition(name)
    parse_version(version)
    return jobs.enqueue(Job.Kind.BUILD, {"name": name, "version": version}, subject=f"{name} {version}", user=user)


def request_again(job: Job, user: jobs.Asker) -> Job:
    """Ask for the work of a failed job once more; raises `PackageRefused` for one that has not failed."""
    if job.state != Job.State.FAILED:
        raise PackageRefused(f"The job {job} has not failed.", remedy="Wait until it has ended.")
    return jobs.enqueue(Job.Kind(job.kind), job.arguments, subject=job.subject, user=user)


def settle_conflicts(conflicts: Iterable[Conflict], user: jobs.Asker) -> int:
    """Mark conflicts as looked into; gives how many were open. What clients have stays as it is."""
    keys = [conflict.pk for conflict in conflicts]
    settled = Conflict.objects.filter(pk__in=keys, settled=False).update(settled=True)
    log.info("conflicts_settled", conflicts=keys, user=user.get_username())
    return settled


def _subject(names: list[str]) -> str:
    return (", ".join(names) or "all")[:255]
