"""Signatures renewed at half of a Release's life, with or without news: an expired one stops every client."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from packages_app.core.ports import Progress
from packages_app.models import Job, Publication
from packages_app.publishing.published import read_published
from packages_app.publishing.publisher import PublicationOptions
from packages_app.services import adapters
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.publication.requests import known_suites


def suites_to_refresh(among: Iterable[str] = ()) -> list[str]:
    """Return the suites, of some or of all, whose Release is past half of its life, missing, or of another key.

    Raise `PackageRefused` for an unknown suite.
    """
    keyring = adapters.signer().public_keyring()
    due = []
    for name in known_suites(among):
        release = read_published(adapters.bucket(), name, keyring).release
        if release is None or adapters.now() >= release.date + (release.valid_until - release.date) / 2:
            due.append(name)
    return due


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
