"""Signatures renewed at half of a Release's life, with or without news: an expired one stops every client."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from packages_app.core.ports import Progress
from packages_app.models import Job, Publication
from packages_app.publishing.place import read_place, with_what_staging_knows
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.published import Published
from packages_app.services import adapters
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.publication.requests import known_suites


def suites_to_refresh(among: Iterable[str] = ()) -> list[str]:
    """Return the suites, of some or of all, whose Release is ours and past half of its life, or missing.

    One that our key did not sign is not due: it waits for a person, who approves the next publication. Raise
    `PackageRefused` for an unknown suite.
    """
    repository, signer = adapters.repository(), adapters.signer()
    due = []
    for name in known_suites(among):
        published = read_place(adapters.bucket(), repository, name, signer)
        if published.unrecognised is not None:
            published = with_what_staging_knows(published, adapters.staging(), name, None)
        if _is_due(published, adapters.now()):
            due.append(name)
    return due


def _is_due(published: Published, now: datetime) -> bool:
    """Return whether a suite is to be signed again; one whose key was renewed meanwhile is, by the key as it is now."""
    if published.unrecognised is not None:
        return published.unrecognised.proven and published.release is not None
    release = published.release
    return release is None or now >= release.date + (release.valid_until - release.date) / 2


def refresh_signatures(progress: Progress, *, suites: Iterable[str] = (), job: Job | None = None) -> dict[str, Any]:
    """Publish again, newly dated and signed, the suites that are due, of some or of all; return each one's result.

    One that was published since it was asked for is due no longer, and is left alone.
    """
    progress.step("look at dates")
    options = PublicationOptions(resign=True)
    return {
        "suites": [
            result_of(publish(name, progress, options=options, kind=Publication.Kind.REFRESH, job=job))
            for name in suites_to_refresh(suites)
        ]
    }
