"""Signatures renewed at half of a Release's life, with or without news: an expired one stops every client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog

from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Progress, Signer
from packages_app.models import Job, Publication
from packages_app.publishing.place import read_place, with_what_staging_knows
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.publication.requests import known_suites

log = structlog.get_logger(__name__)


def suites_to_refresh(among: Iterable[str] = ()) -> list[str]:
    """Return the suites, of some or of all, whose Release is ours and past half of its life, or missing.

    One that our key did not sign is not due: it waits for a person, who approves the next publication. One that can't
    be looked at is: its own job says why, and the others are told apart from it. Raise `PackageRefused` for an unknown
    suite, `SigningKeyError` without a key.
    """
    signer = adapters.signer()
    due = []
    for name in known_suites(among):
        try:
            is_due = _is_due(name, signer)
        except Exception as error:  # whatever it is, the others' clients must not suffer for it
            log.warning(
                "release_unreadable", suite=name, error=str(error), exc_info=not isinstance(error, RepomgrError)
            )
            is_due = True
        due += [name] if is_due else []
    return due


def request_refresh(among: Iterable[str] = ()) -> list[Job]:
    """Ask for new signatures of the suites that are due, of some or of all; return a job for each, perhaps none.

    Each has an outcome of its own: one that is held back, or that another publishes, stops no other. Raise as
    `suites_to_refresh`.
    """
    due = suites_to_refresh(among)
    return [queue.enqueue(Job.Kind.REFRESH, {"suites": [name]}, subject=name) for name in due]


def do_refresh(job: Job, progress: Progress) -> dict[str, Any]:
    """Renew the signatures of a job's suites; as `refresh_signatures`."""
    return refresh_signatures(progress, suites=job.arguments.get("suites", []), job=job)


def refresh_signatures(progress: Progress, *, suites: Iterable[str] = (), job: Job | None = None) -> dict[str, Any]:
    """Publish a suite again, newly dated and signed, when it is due; return its result in a list.

    One that was published since it was asked for is due no longer, and is left alone. Of several suites, or of all
    where there are several, each that is due gets a job of its own; the result then names these in `asked_for`.
    """
    progress.step("look at dates")
    names = known_suites(suites)
    if len(names) > 1:
        return {"suites": [], "asked_for": [asked.subject for asked in request_refresh(names)]}
    options = PublicationOptions(resign=True)
    return {
        "suites": [
            result_of(publish(name, progress, options=options, kind=Publication.Kind.REFRESH, job=job))
            for name in names
            if _is_due(name, adapters.signer())
        ]
    }


def _is_due(suite: str, signer: Signer) -> bool:
    """Return whether a suite is to be signed again; one whose key was renewed meanwhile is, by the key as it is now."""
    published = read_place(adapters.bucket(), adapters.repository(), suite, signer)
    if published.unrecognised is not None:
        published = with_what_staging_knows(published, adapters.staging(), suite, None)
    if published.unrecognised is not None:
        return published.unrecognised.proven and published.release is not None
    release = published.release
    return release is None or adapters.now() >= release.date + (release.valid_until - release.date) / 2
