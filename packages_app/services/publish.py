"""The use case of publishing a suite: lease, publication, root files, and the record of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import structlog
from django.conf import settings

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.definition import Definition, Definitions
from packages_app.core.errors import ObjectNotFound
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Repository
from packages_app.models import Job, Publication
from packages_app.publishing.publisher import NOTHING_SPECIAL, Demand, Outcome, Publisher
from packages_app.publishing.root import instructions_page, renew_convenience_copy, renew_root_files
from packages_app.services import adapters
from packages_app.services.lease_hold import lease_held
from packages_app.services.publication_requests import known_suite

log = structlog.get_logger(__name__)


def publish(
    suite_name: str,
    progress: Progress,
    *,
    demand: Demand = NOTHING_SPECIAL,
    kind: Publication.Kind = Publication.Kind.PUBLISH,
    job: Job | None = None,
) -> Publication:
    """Publish a suite from the package table; gives the publication that is in place afterwards.

    Raises `LeaseBusy`, `LeaseLost`, `CandidateRefused`, `ObjectChanged`, and the errors of table and store. Safe to
    repeat: with nothing changed it completes what an interrupted run left undone.
    """
    suite = known_suite(suite_name)
    repository, signer, bucket = adapters.repository(), adapters.signer(), adapters.bucket()
    table = adapters.package_table()
    with lease_held(table, f"publish:{suite.name}") as hold:
        publisher = Publisher(repository, table, bucket, signer, adapters.now, hold, progress)
        outcome = publisher.publish(suite, demand)
        _log_outcome(outcome, kind)
        if suite == repository.default_suite:
            _renew_root(repository, outcome.collected.records, progress, again=demand.rebuild)
        progress.step("record publication")
        return _record(outcome, kind, signer.fingerprint, job)


def result_of(publication: Publication) -> dict[str, Any]:
    """Give what a job's page shows of a publication."""
    return {
        "suite": publication.suite,
        "packages": publication.packages,
        "added": len(publication.added),
        "removed": len(publication.removed),
        "left_out": len(publication.left_out),
        "missing_files": len(publication.missing_files),
        "publication": publication.pk,
    }


def _log_outcome(outcome: Outcome, kind: Publication.Kind) -> None:
    included = [f"{r.package_name} {r.version} {r.architecture}" for r in outcome.collected.records]
    log.info(
        "suite_published" if outcome.switched else "suite_unchanged",
        suite=outcome.suite,
        kind=str(kind),
        packages=len(included),
        included=included if kind == Publication.Kind.FORCE_REBUILD else included[:20],
        added=_names(outcome.added),
        removed=_names(outcome.removed),
        left_out=[str(item) for item in outcome.left_out],
        missing_files=list(outcome.missing_files),
    )


def _renew_root(repository: Repository, records: tuple[PackageRecord, ...], progress: Progress, *, again: bool) -> None:
    """Renew convenience copies, keyring and instructions page, all of the default suite."""
    definitions, bucket, signer = adapters.definitions(), adapters.bucket(), adapters.signer()
    bootstraps = definitions.bootstrap_packages()
    progress.step("convenience copy")
    for definition in bootstraps:
        _renew_copy(definition, records, progress, again=again)
    progress.step("instructions page")
    page = instructions_page(
        repository,
        settings.PUBLIC_URL,
        bootstraps,
        records,
        example=example_package(definitions),
        fingerprint=signer.fingerprint,
    )
    for key in renew_root_files(bucket, repository, signer.public_keyring(), page):
        progress.note(f"renewed {key}")


def _renew_copy(definition: Definition, records: Iterable[PackageRecord], progress: Progress, *, again: bool) -> None:
    try:
        copy = renew_convenience_copy(adapters.bucket(), definition, records, again=again)
    except ObjectNotFound as error:
        # The publication stands; the missing file is named there too, and repair brings both back.
        progress.note(f"no convenience copy of {definition.name}: {error}", level="error")
        return
    if copy is None:
        progress.note(f"no version of {definition.name} to copy")
    elif copy.changed:
        progress.note(f"{copy.key} is now {copy.package} {copy.new_version} (before: {copy.old_version or 'none'})")
        log.info(
            "convenience_copy_renewed",
            key=copy.key,
            package=copy.package,
            old_version=copy.old_version,
            new_version=copy.new_version,
        )


def example_package(definitions: Definitions) -> str:
    """Give the package that instructions install: the first enabled one that is no bootstrap package."""
    ordinary = (d.name for d in definitions.by_name.values() if d.enabled and d.bootstrap is None)
    return next(ordinary, "PACKAGE")


def _record(outcome: Outcome, kind: Publication.Kind, fingerprint: str, job: Job | None) -> Publication:
    """Keep the publication; of one that is in place already, only what was found about the records is renewed."""
    release = outcome.release
    found = {
        "records_read": outcome.collected.read,
        "left_out": [
            {"package_id": item.package_id, "architecture": item.architecture, "reasons": list(item.reasons)}
            for item in outcome.left_out
        ],
        "missing_files": list(outcome.missing_files),
    }
    key = {"suite": outcome.suite, "release_sha256": checksums_of_bytes(outcome.release_text).sha256}
    if not outcome.switched:
        known = Publication.objects.filter(**key).first()
        if known is not None:
            for name, value in found.items():
                setattr(known, name, value)
            known.save(update_fields=list(found))
            return known
    return Publication.objects.create(
        **key,
        **found,
        kind=kind,
        date=release.date,
        valid_until=release.valid_until,
        fingerprint=fingerprint,
        packages=len(outcome.collected.records),
        uploaded_bytes=outcome.uploaded_bytes,
        added=_names(outcome.added),
        removed=_names(outcome.removed),
        job=job,
    )


def _names(keys: Iterable[tuple[str, str]]) -> list[str]:
    return [f"{package_id.replace('#', ' ', 1)} {architecture}" for package_id, architecture in keys]
