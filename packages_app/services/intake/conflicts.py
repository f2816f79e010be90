"""Conflicts: offers of a known version with other bytes, kept for a person to see (docs/REQUIREMENTS.md R12)."""

from __future__ import annotations

from pathlib import Path

import structlog

from packages_app.core.conflict import FileIdentity
from packages_app.core.errors import RepomgrError, VersionConflict
from packages_app.core.record import PackageRecord, package_named
from packages_app.models import Conflict, Job, Notice
from packages_app.services import adapters
from packages_app.services.intake.take_in import Refused
from packages_app.services.notices.notify import notify

log = structlog.get_logger(__name__)


def package_of(conflict: Conflict) -> str:
    """Return what a conflict is about, as its notice names it: `name version architecture`."""
    return package_named(conflict.package_name, conflict.version, conflict.architecture)


def report_conflict(
    known: PackageRecord,
    origin: str,
    *,
    offered: FileIdentity,
    quarantined: str = "",
    job: Job | None = None,
) -> Conflict:
    """Keep a refused offer where the admin shows it, and return it; the same offer again renews its date.

    People are told, unless one of them has settled this very offer.
    """
    conflict, _ = Conflict.objects.update_or_create(
        package_name=known.package_name,
        version=known.version,
        architecture=known.architecture,
        offered_sha256=offered.sha256,
        offered_size=offered.size or 0,
        defaults={"known_sha256": known.sha256_hash, "origin": origin, "quarantined": quarantined, "job": job},
    )
    log.error(
        "version_conflict",
        package=known.package_name,
        version=known.version,
        architecture=known.architecture,
        known_sha256=known.sha256_hash,
        offered_sha256=offered.sha256,
        origin=origin,
    )
    if not conflict.settled:
        notify(
            Notice.Kind.VERSION_CONFLICT,
            known.named,
            f"{known.named} is offered with other bytes than those published, by {origin}.",
            remedy="Ask upstream why a released version changed; clients keep theirs. Then settle the conflict.",
            job=job,
        )
    return conflict


def quarantine(body: bytes | Path, identity: FileIdentity, record: PackageRecord) -> str:
    """Keep a refused file of a record's version in the private staging store; return its key."""
    name = f"{record.package_name}_{record.version}_{record.architecture}"
    key = f"quarantine/{name}_{identity.sha256}.deb"
    adapters.staging().put(key, body)
    return key


def refusal_of(refused: Refused, origin: str, *, job: Job | None) -> RepomgrError:
    """Return the error of a file that was not taken in.

    A file whose version is there with other bytes is quarantined and reported before, as one that `origin` offered.
    """
    error, file = refused.error, refused.conflicting
    if file is None or file.body is None:
        return error
    record = file.record
    key = (record.package_name, record.version, record.architecture)
    known = adapters.package_table().get(*key) or PackageRecord(*key)
    kept = quarantine(file.body, record.file_identity, record)
    report_conflict(known, origin, offered=record.file_identity, quarantined=kept, job=job)
    return VersionConflict(error.message, remedy=f"{error.remedy} The refused file is kept as {kept} in staging.")
