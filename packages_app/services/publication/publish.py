"""The use case of publishing a suite: lease, publication, root files, and the record of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import CandidateRefused, ClockWrong, HeldByClock
from packages_app.core.ports import Progress
from packages_app.core.record import named_key
from packages_app.core.repository import Repository
from packages_app.models import Job, Notice, Publication
from packages_app.publishing.apt_check import second_reader
from packages_app.publishing.publication_options import DEFAULT_OPTIONS, PublicationOptions
from packages_app.publishing.publisher import Outcome, Publisher
from packages_app.services import adapters
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.publication.cleared_cautions import ClearedInSuite
from packages_app.services.publication.held_candidates import (
    approved_digest,
    hold_back,
    holds_for_missing_files,
    is_held_back,
    settle_candidates,
)
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.notices import tell_of_new_versions
from packages_app.services.publication.publication_lists import FIRST, INCLUDED, keep_lists
from packages_app.services.publication.requests import known_suite
from packages_app.services.publication.root import renew_root

_NAMED = 5
"""So many things are named in a notice."""

log = structlog.get_logger(__name__)


def publish(
    suite_name: str,
    progress: Progress,
    *,
    options: PublicationOptions = DEFAULT_OPTIONS,
    kind: Publication.Kind = Publication.Kind.PUBLISH,
    job: Job | None = None,
) -> Publication:
    """Publish a suite from the package table; return the publication that is in place afterwards.

    Raise `LeaseBusy`, `LeaseLost`, `CandidateRefused`, `CandidateHeld`, `ClockWrong`, `ObjectChanged`, and the errors
    of table and store. Safe to repeat: with nothing changed it completes what an interrupted run left undone.
    """
    suite, repository = known_suite(suite_name), adapters.repository()
    with lease_held(adapters.package_table(), f"publish:{suite.name}") as lease:
        options = _with_decisions(suite.name, options)
        try:
            outcome = _publisher(repository, suite.name, lease.keep_lease, progress).publish(suite, options)
        except ClockWrong as error:
            if isinstance(error, HeldByClock):
                hold_back(suite.name, error, job)
            notify(Notice.Kind.CLOCK_WRONG, suite.name, error.message, remedy=error.remedy, job=job)
            raise
        except CandidateRefused as error:
            hold_back(suite.name, error, job)
            raise
        _log_outcome(outcome, kind)
        # Before the root: clients see it already, and what it brought is known to nobody else.
        progress.step("record publication")
        publication = _record(outcome, kind, adapters.signer().fingerprint, job)
        tell_of_new_versions(publication)
        _tell(outcome, job)
        if suite == repository.default_suite and outcome.held is None:
            renew_root(repository, outcome.contents, progress, lease.keep_lease, again=options.rebuild)
        # A publisher that stood still while it renewed the root may have put an older copy there: then all again.
        lease.confirm()
        return publication


def _with_decisions(suite: str, options: PublicationOptions) -> PublicationOptions:
    """Return the options with what people decided by now; a decision that comes later is for the next publication."""
    return replace(
        options,
        approved=approved_digest(suite),
        whole=options.whole or is_held_back(suite),
        hold_missing=holds_for_missing_files(suite),
    )


def _publisher(repository: Repository, suite: str, keep_lease: Callable[[], None], progress: Progress) -> Publisher:
    bucket, staging, signer = adapters.bucket(), adapters.staging(), adapters.signer()
    reader = second_reader(settings.APT_CHECK, signer.public_keyring())
    return Publisher(
        repository,
        adapters.package_table(),
        bucket,
        staging,
        signer,
        adapters.now,
        keep_lease,
        progress,
        adapters.shard_cache(),
        second_reader=reader,
        allowed=_allowed,
        cleared=ClearedInSuite(suite),
    )


def _allowed(package: str) -> tuple[str, ...]:
    """Return the cautions that a package's definition allows as it is now."""
    definition = adapters.definitions().by_name.get(package)
    return definition.allow if definition else ()


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


def result_of(publication: Publication) -> dict[str, Any]:
    """Return what a job's page shows of a publication."""
    return {
        "suite": publication.suite,
        "packages": publication.packages,
        "added": publication.added_count,
        "removed": publication.removed_count,
        "left_out": publication.left_out_count,
        "missing_files": publication.missing_files_count,
        "publication": publication.pk,
    }


def _log_outcome(outcome: Outcome, kind: Publication.Kind) -> None:
    """Log how many packages each list has, and the first of them; the publication's page names all."""
    named = {
        "included": outcome.included,
        "added": outcome.added,
        "removed": outcome.removed,
        "left_out": outcome.left_out,
        "missing_files": outcome.missing_files,
    }
    log.info(
        "suite_published" if outcome.switched else "suite_unchanged",
        suite=outcome.suite,
        kind=str(kind),
        packages=outcome.packages,
        counts={name: len(each) for name, each in named.items()},
        included=list(map(named_key, outcome.included[:FIRST])),
        added=list(map(named_key, outcome.added[:FIRST])),
        removed=list(map(named_key, outcome.removed[:FIRST])),
        left_out=[str(item) for item in outcome.left_out[:FIRST]],
        missing_files=list(outcome.missing_files[:FIRST]),
    )


def _record(outcome: Outcome, kind: Publication.Kind, fingerprint: str, job: Job | None) -> Publication:
    """Keep the publication; of one that is in place already, only what was found about the records is renewed."""
    release = outcome.release
    found: dict[str, list[Any]] = {
        "left_out": [
            {"package_id": item.package_id, "architecture": item.architecture, "reasons": list(item.reasons)}
            for item in outcome.left_out
        ],
        "missing_files": list(outcome.missing_files),
    }
    key = {"suite": outcome.suite, "release_sha256": checksums_of_bytes(outcome.release_text).sha256}
    known = None if outcome.switched else Publication.objects.filter(**key).first()
    if known is not None:
        known.records_read = outcome.read
        keep_lists(known, found)
        known.save()
        return known
    publication = Publication(
        **key,
        records_read=outcome.read,
        kind=kind,
        date=release.date,
        valid_until=release.valid_until,
        fingerprint=fingerprint,
        packages=outcome.packages,
        uploaded_bytes=outcome.uploaded_bytes,
        job=job,
    )
    changes = {"added": outcome.added, "removed": outcome.removed}
    if kind == Publication.Kind.FORCE_REBUILD:
        changes[INCLUDED] = outcome.included
    keep_lists(publication, {**found, **{name: list(map(named_key, keys)) for name, keys in changes.items()}})
    publication.save()
    return publication
