"""Asking for publications: many requests while one runs become the one that follows it."""

from __future__ import annotations

from collections.abc import Iterable

from packages_app.core.repository import Suite
from packages_app.core.rights import Action
from packages_app.models import Job
from packages_app.services.adapters import repository
from packages_app.services.jobs import queue
from packages_app.services.jobs.messages import wake_worker_for
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require


def request_publication(suite: str, *, user: Asker | None = None, wake_worker: bool = True) -> Job:
    """Ask for a publication of a suite; return the waiting job, perhaps one that was there.

    Raise `PackageRefused`, `RightMissing`.
    """
    arguments = {"suite": known_suite(suite).name}
    require(user, Action.PUBLISH, "A publication", suites=[suite])
    return queue.enqueue(Job.Kind.PUBLISH, arguments, subject=suite, user=user, wake_worker=wake_worker)


def request_publications(suites: Iterable[str], *, wake_worker: bool = True) -> list[Job]:
    """Ask for a publication of each configured suite among `suites`; others have no `dists/` folder.

    Without `wake_worker` they wait for `wake_publications`, or for the clock where it never comes to that.
    """
    configured = {suite.name for suite in repository().suites}
    return [request_publication(suite, wake_worker=wake_worker) for suite in sorted(set(suites) & configured)]


def wake_publications(suites: Iterable[str]) -> None:
    """Wake workers for the publications of these suites that were asked for and wait."""
    wanted = set(suites)
    for job in queue.waiting_jobs(Job.Kind.PUBLISH) if wanted else ():
        if job.subject in wanted:
            wake_worker_for(job.kind, job.pk)


def known_suites(names: Iterable[str]) -> list[str]:
    """Return the names of configured suites, sorted; of all when none is named. Raise `PackageRefused`."""
    return sorted({known_suite(name).name for name in names} or {suite.name for suite in repository().suites})


def known_suite(name: str) -> Suite:
    """Return the configured suite of this name; raise `PackageRefused` that lists those there are."""
    return repository().suite_named(name)
