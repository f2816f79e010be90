"""Signatures renewed at half of a Release's life, with or without news: an expired one stops every client."""

from __future__ import annotations

from typing import Any

from packages_app.core.ports import Progress
from packages_app.models import Job, Publication
from packages_app.publishing.published import read_published
from packages_app.publishing.publisher import Demand
from packages_app.services import adapters
from packages_app.services.publication.publish import publish, result_of


def suites_to_refresh() -> list[str]:
    """Give the suites whose Release is past half of its life, or is not there, or is signed by another key."""
    keyring = adapters.signer().public_keyring()
    due = []
    for suite in adapters.repository().suites:
        release = read_published(adapters.bucket(), suite.name, keyring).release
        if release is None or adapters.now() >= release.date + (release.valid_until - release.date) / 2:
            due.append(suite.name)
    return due


def refresh_signatures(progress: Progress, *, job: Job | None = None) -> dict[str, Any]:
    """Publish again, newly dated and signed, every suite that is due; gives each one's result."""
    progress.step("look at dates")
    demand = Demand(resign=True)
    return {
        "suites": [
            result_of(publish(name, progress, demand=demand, kind=Publication.Kind.REFRESH, job=job))
            for name in suites_to_refresh()
        ]
    }
