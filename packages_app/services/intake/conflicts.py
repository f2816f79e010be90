"""Conflicts: offers of a known version with other bytes, kept for a person to see (docs/REQUIREMENTS.md R12)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog
from django.db import transaction

from packages_app.core.conflict import FileIdentity
from packages_app.core.errors import RepomgrError, VersionConflict
from packages_app.core.record import PackageRecord, package_named
from packages_app.models import Conflict, Job, Notice, Webhook
from packages_app.services import adapters
from packages_app.services.intake.take_in import Refused
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.webhooks.facts import conflict_found
from packages_app.services.webhooks.tell import tell

log = structlog.get_logger(__name__)


def package_of(conflict: Conflict) -> str:
    """Return what a conflict is about, as its notice names it: `name version architecture`."""
    return package_named(conflict.package_name, conflict.version, conflict.built_for)


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
    with transaction.atomic():
        conflict, is_new = Conflict.objects.update_or_create(
            package_name=known.package_name,
            version=known.version,
            architecture=known.architecture,
            build=known.build,
            offered_sha256=offered.sha256,
            offered_size=offered.size or 0,
            defaults={"known_sha256": known.sha256_hash, "origin": origin, "quarantined": quarantined, "job": job},
        )
        if is_new:
            tell(Webhook.Event.VERSION_CONFLICT, [conflict_found(conflict, known, offered)])
    log.error(
        "version_conflict",
        package=known.package_name,
        version=known.version,
        architecture=known.built_for,
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


def settle(conflicts: Iterable[Conflict]) -> int:
    """Mark conflicts as looked into, and settle notices of packages that have none left; return how many were open."""
    chosen = list(conflicts)
    settled = Conflict.objects.filter(pk__in=[one.pk for one in chosen], settled=False).update(settled=True)
    still_open = {package_of(conflict) for conflict in Conflict.objects.filter(settled=False)}
    for matter in {package_of(conflict) for conflict in chosen} - still_open:
        settle_notices(Notice.Kind.VERSION_CONFLICT, matter)
    return settled


def quarantine(body: bytes | Path, identity: FileIdentity, record: PackageRecord) -> str:
    """Keep a refused file of a record's version in the private staging store; return its key."""
    name = "_".join(filter(None, (record.package_name, record.version, record.architecture, record.build)))
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
    known = adapters.package_table().get_many([record.key]).get(record.key) or PackageRecord(
        record.package_name, record.version, record.architecture, build=record.build
    )
    kept = quarantine(file.body, record.file_identity, record)
    report_conflict(known, origin, offered=record.file_identity, quarantined=kept, job=job)
    return VersionConflict(error.message, remedy=f"{error.remedy} The refused file is kept as {kept} in staging.")
