"""Asking for publications: many requests while one runs become the one that follows it."""

from __future__ import annotations

from collections.abc import Iterable

from packages_app.core.repository import Suite
from packages_app.models import Job
from packages_app.services.adapters import repository
from packages_app.services.jobs import queue


def request_publication(suite: str, *, user: queue.Asker | None = None) -> Job:
    """Ask for a publication of a suite; return the waiting job, perhaps one that was there. Raise `PackageRefused`."""
    return queue.enqueue(Job.Kind.PUBLISH, {"suite": known_suite(suite).name}, subject=suite, user=user)


def request_publications(suites: Iterable[str]) -> list[Job]:
    """Ask for a publication of each configured suite among `suites`; others have no `dists/` folder."""
    configured = {suite.name for suite in repository().suites}
    return [request_publication(suite) for suite in sorted(set(suites) & configured)]


def known_suites(names: Iterable[str]) -> list[str]:
    """Return the names of configured suites, sorted; of all when none is named. Raise `PackageRefused`."""
    return sorted({known_suite(name).name for name in names} or {suite.name for suite in repository().suites})


def known_suite(name: str) -> Suite:
    """Return the configured suite of this name; raise `PackageRefused` that lists those there are."""
    return repository().suite_named(name)
