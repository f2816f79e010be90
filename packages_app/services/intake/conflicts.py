"""Conflicts: offers of a known version with other bytes, kept for a person to see (R12)."""

from __future__ import annotations

from pathlib import Path

import structlog

from packages_app.core.checksums import Checksums
from packages_app.core.errors import VersionConflict
from packages_app.core.record import PackageRecord
from packages_app.models import Conflict, Job, Notice
from packages_app.services import adapters
from packages_app.services.notices.notify import notify

log = structlog.get_logger(__name__)


def matter_of(item: Conflict | PackageRecord) -> str:
    """Name what a conflict is about, as its notice does."""
    return f"{item.package_name} {item.version} {item.architecture}"


def report_conflict(
    known: PackageRecord,
    origin: str,
    *,
    offered_sha256: str = "",
    offered_size: int = 0,
    quarantined: str = "",
    job: Job | None = None,
) -> Conflict:
    """Keep a refused offer where the admin shows it; the same offer again renews its date.

    People are told, unless one of them has settled this very offer.
    """
    conflict, _ = Conflict.objects.update_or_create(
        package_name=known.package_name,
        version=known.version,
        architecture=known.architecture,
        offered_sha256=offered_sha256,
        offered_size=offered_size,
        defaults={"known_sha256": known.sha256_hash, "origin": origin, "quarantined": quarantined, "job": job},
    )
    log.error(
        "version_conflict",
        package=known.package_name,
        version=known.version,
        architecture=known.architecture,
        known_sha256=known.sha256_hash,
        offered_sha256=offered_sha256,
        origin=origin,
    )
    if not conflict.settled:
        notify(
            Notice.Kind.VERSION_CONFLICT,
            matter_of(known),
            f"{matter_of(known)} is offered with other bytes than those published, by {origin}.",
            remedy="Ask upstream why a released version changed; clients keep theirs. Then settle the conflict.",
            job=job,
        )
    return conflict


def quarantine(path: Path, checksums: Checksums, name: str, version: str, architecture: str) -> str:
    """Keep a refused file in the private staging store; gives its key."""
    key = f"quarantine/{name}_{version}_{architecture}_{checksums.sha256}.deb"
    adapters.staging().put(key, path)
    return key


def quarantine_conflict(
    path: Path, checksums: Checksums, key: tuple[str, str, str], origin: str, *, job: Job | None, error: VersionConflict
) -> VersionConflict:
    """Keep the file and the report of a refused offer of (name, version, architecture); gives the error to raise."""
    known = adapters.package_table().get(*key) or PackageRecord(*key)
    kept = quarantine(path, checksums, *key)
    report_conflict(
        known, origin, offered_sha256=checksums.sha256, offered_size=checksums.size, quarantined=kept, job=job
    )
    return VersionConflict(error.message, remedy=f"{error.remedy} The refused file is kept as {kept} in staging.")
