"""The use case of publishing a suite: lease, publication, root files, and the record of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog
from django.conf import settings

from packages_app.core.errors import CandidateRefused, ClockWrong, HeldByClock
from packages_app.core.ports import Progress
from packages_app.core.record import named_key
from packages_app.core.repository import Repository, Suite
from packages_app.models import Job, Notice, Publication
from packages_app.publishing.apt_check import second_reader
from packages_app.publishing.outcome import Outcome
from packages_app.publishing.publication_options import DEFAULT_OPTIONS, PublicationOptions
from packages_app.publishing.publisher import Publisher
from packages_app.publishing.snapshot_times import keep_copy
from packages_app.services import adapters
from packages_app.services.notices.notify import notify
from packages_app.services.publication.base_suites import install_check, refresh_bases
from packages_app.services.publication.cleared_cautions import ClearedInSuite
from packages_app.services.publication.held_candidates import (
    approved_digest,
    hold_back,
    holds_for_missing_files,
    is_held_back,
)
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.notices import told_uninstallable
from packages_app.services.publication.publication_lists import FIRST
from packages_app.services.publication.record import record_publication
from packages_app.services.publication.requests import known_suite
from packages_app.services.publication.root import renew_root

log = structlog.get_logger(__name__)


def do_publish(job: Job, progress: Progress) -> dict[str, Any]:
    """Publish a job's suite, as `publish`; return what the job's page shows of it."""
    return result_of(publish(job.arguments["suite"], progress, job=job))


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
    refresh_bases(known_suite(suite_name))  # before the lease: others may be slow
    with lease_held(adapters.package_table(), f"publish:{suite_name}") as lease, adapters.one_signer():
        adapters.configuration().look()
        suite, repository = known_suite(suite_name), adapters.repository()
        options = _with_decisions(suite.name, options)
        try:
            outcome = _publisher(repository, suite, lease.keep_lease, progress).publish(suite, options)
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
        publication = record_publication(outcome, kind, job, progress)
        _keep_copies(repository, outcome)
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


def _publisher(repository: Repository, suite: Suite, keep_lease: Callable[[], None], progress: Progress) -> Publisher:
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
        cleared=ClearedInSuite(suite.name),
        installable=install_check(suite, keep_lease, told=told_uninstallable(suite.name)),
    )


def _keep_copies(repository: Repository, outcome: Outcome) -> None:
    """Let the state that clients see be asked for by its time, and the one before where that was cut off."""
    if repository.snapshots_address:
        for text in filter(None, (outcome.replaced, outcome.release_text)):
            keep_copy(adapters.bucket(), adapters.signer(), outcome.suite, text)


def _allowed(package: str) -> tuple[str, ...]:
    """Return the cautions that a package's definition allows as it is now."""
    definition = adapters.definitions().by_package.get(package)
    return definition.allow if definition else ()


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
