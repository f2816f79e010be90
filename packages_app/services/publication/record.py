"""The record of a publication: its row, what people are told of it, and what became of held candidates, all at once.

What was switched and not recorded (the database was away, the publisher died) is completed by the next publication.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import structlog

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.ports import Progress
from packages_app.core.record import named_key
from packages_app.indexes.release import parse_release
from packages_app.models import Job, Notice, Publication, Webhook
from packages_app.publishing.outcome import Outcome
from packages_app.publishing.unrecorded import Brought, brought_by
from packages_app.services import adapters
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.publication.held_candidates import hold_back, publish_approved, settle_candidates
from packages_app.services.publication.notices import tell_of_new_versions, tell_of_uninstallable
from packages_app.services.publication.publication_lists import INCLUDED, keep_lists
from packages_app.services.transactions import in_transaction
from packages_app.services.webhooks.facts import publication_made
from packages_app.services.webhooks.tell import tell

_NAMED = 5
"""So many things are named in a notice."""

log = structlog.get_logger(__name__)


def record_publication(outcome: Outcome, kind: Publication.Kind, job: Job | None, progress: Progress) -> Publication:
    """Record what a publication did, and tell of it; return the row of what is in place.

    All of it or nothing is done: a Release in place that has no row is one of which nobody was told.
    """
    progress.step("record publication")
    missed = _unrecorded(outcome)
    if missed is not None:
        progress.note("an earlier publication was not recorded: what it brought is told now", level="warning")
    return in_transaction(partial(_record_and_tell, outcome, missed, kind, job))


def _record_and_tell(outcome: Outcome, missed: Brought | None, kind: Publication.Kind, job: Job | None) -> Publication:
    if missed is not None:
        _record_missed(outcome.suite, missed, job)
    publication = _record(outcome, kind, job)
    tell_of_new_versions(publication)
    _tell(outcome, job)
    return publication


def _unrecorded(outcome: Outcome) -> Brought | None:
    """Return what the Release brought that was in place when this publication began, where no row says so."""
    text, suite = outcome.replaced if outcome.switched else outcome.release_text, outcome.suite
    if not text or _row_of(suite, text) is not None:
        return None

    def is_recorded(digest: str) -> bool:
        return Publication.objects.filter(suite=suite, release_sha256__startswith=digest).exists()

    return brought_by(adapters.bucket(), adapters.staging(), suite, text, is_recorded)


def _record_missed(suite: str, missed: Brought, job: Job | None) -> None:
    added, removed = list(map(named_key, missed.added)), list(map(named_key, missed.removed))
    kind = Publication.Kind.PUBLISH if added or removed else Publication.Kind.REFRESH
    publication = _row(suite, missed.text, kind, job)
    publication.packages = missed.packages
    keep_lists(publication, {"added": added, "removed": removed})
    publication.save()
    tell(Webhook.Event.PUBLICATION_MADE, [publication_made(publication, added, removed)])
    log.warning("publication_completed", suite=suite, added=len(added), removed=len(removed))
    tell_of_new_versions(publication)
    publish_approved(suite, added, removed)


def _record(outcome: Outcome, kind: Publication.Kind, job: Job | None) -> Publication:
    """Keep the publication; of one that is in place already, only what was found about the records is renewed."""
    found: dict[str, list[Any]] = {
        "left_out": [
            {"package_id": item.package_id, "architecture": item.architecture, "reasons": list(item.reasons)}
            for item in outcome.left_out
        ],
        "missing_files": list(outcome.missing_files),
    }
    if outcome.switched:
        found["uninstallable"] = list(outcome.uninstallable)
    known = None if outcome.switched else _row_of(outcome.suite, outcome.release_text)
    if known is not None:
        known.records_read = outcome.read
        keep_lists(known, found)
        known.save()
        return known
    publication = _row(outcome.suite, outcome.release_text, kind, job)
    publication.records_read = outcome.read
    publication.packages = outcome.packages
    publication.uploaded_bytes = outcome.uploaded_bytes
    changes = {"added": list(map(named_key, outcome.added)), "removed": list(map(named_key, outcome.removed))}
    included = {INCLUDED: list(map(named_key, outcome.included))} if kind == Publication.Kind.FORCE_REBUILD else {}
    keep_lists(publication, {**found, **changes, **included})
    publication.save()
    tell(Webhook.Event.PUBLICATION_MADE, (publication_made(publication, **changes) for _ in range(1)))
    return publication


def _row_of(suite: str, text: bytes) -> Publication | None:
    return Publication.objects.filter(suite=suite, release_sha256=checksums_of_bytes(text).sha256).first()


def _row(suite: str, text: bytes, kind: Publication.Kind, job: Job | None) -> Publication:
    """Return a row for a Release in place, not saved yet, without lists and counts."""
    release = parse_release(text)
    dates: dict[str, datetime] = {"date": release.date, "valid_until": release.valid_until}
    return Publication(
        suite=suite,
        kind=kind,
        release_sha256=checksums_of_bytes(text).sha256,
        fingerprint=adapters.signer().fingerprint,
        packages=0,
        records_read=0,
        uploaded_bytes=0,
        job=job,
        **dates,
    )


def _tell(outcome: Outcome, job: Job | None) -> None:
    """Raise or settle the notices that are about this publication; renewed dates say nothing about what is pending."""
    suite = outcome.suite
    settle_notices(Notice.Kind.CLOCK_WRONG, suite)
    if outcome.held is not None:
        hold_back(suite, outcome.held, job)
    if outcome.renewed:
        return
    settle_candidates(suite, switched=outcome.switched)
    _tell_of_left_out(outcome, job)
    tell_of_uninstallable(outcome, job)
    if outcome.missing_files:
        notify(
            Notice.Kind.FILES_MISSING,
            suite,
            f"{len(outcome.missing_files)} files that suite {suite} names are not in the pool: "
            f"{', '.join(outcome.missing_files[:_NAMED])}.",
            remedy="force_rebuild --repair fetches them from where they came, if their SHA256 still fits.",
            job=job,
        )
    elif outcome.switched:
        settle_notices(Notice.Kind.FILES_MISSING, suite)


def _tell_of_left_out(outcome: Outcome, job: Job | None) -> None:
    if not outcome.left_out:
        settle_notices(Notice.Kind.RECORDS_LEFT_OUT, outcome.suite)
        return
    named = "; ".join(str(item) for item in outcome.left_out[:_NAMED])
    notify(
        Notice.Kind.RECORDS_LEFT_OUT,
        outcome.suite,
        f"{len(outcome.left_out)} records of suite {outcome.suite} are in no index: {named}.",
        remedy="Publish a version whose control fields are sound; the publication's page names each record.",
        job=job,
    )
