"""What is told of each event (docs/WEBHOOKS.md): small, without secrets, and with a link into the admin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from packages_app.core.conflict import FileIdentity
from packages_app.core.record import (
    ADOPTED,
    PackageRecord,
    TableKey,
    architecture_and_build,
    key_named,
)
from packages_app.core.redaction import redact
from packages_app.models import Conflict, HeldCandidate, Job, Notice, Publication
from packages_app.services.archives import admin_page
from packages_app.services.webhooks.tell import Happening, iso

_FIRST = 100
"""So many packages of a publication are named; counts tell of all."""
_LONGEST = 1000
"""Characters of a sentence."""
_NEW = timedelta(days=1)


def new_version(record: PackageRecord) -> Happening:
    """Return what is told of a version that was taken in: once, whoever finds it first."""
    return _of_record(record, {}, record.suites, f"{record.package_id} {record.built_for}")


def is_news(record: PackageRecord, now: datetime) -> bool:
    """Return whether a record was taken in lately; what was adopted from another repository is none."""
    try:
        taken_in = datetime.fromisoformat(record.processed_timestamp)
    except ValueError:
        return False
    return record.package_type != ADOPTED and taken_in.tzinfo is not None and now - taken_in < _NEW


def withdrawn_version(record: PackageRecord, suites: Sequence[str], reason: str, job: Job) -> Happening:
    """Return what is told of a version that a job has taken out of suites."""
    facts = {"withdrawn_from": list(suites), "reason": reason}
    return _of_record(record, facts, suites, f"{job.pk} {record.package_id} {record.built_for}")


def purged_version(key: TableKey, sha256: str, suites: Sequence[str], reason: str, job: Job) -> Happening:
    """Return what is told of a version that a job has purged."""
    facts = {**_of_key(key), "sha256": sha256, "suites": sorted(suites), "reason": reason, **_link_to_job(job)}
    return Happening(facts, (facts["package"],), suites, f"{job.pk} {key[0]} {key[1]}")


def publication_made(publication: Publication, added: Sequence[str], removed: Sequence[str]) -> Happening:
    """Return what is told of a publication; `added` and `removed` are all packages, `name version architecture`."""
    facts = {
        "suite": publication.suite,
        "publication": publication.pk,
        "kind": str(publication.kind),
        "date": iso(publication.date),
        "valid_until": iso(publication.valid_until),
        "release_sha256": publication.release_sha256,
        "packages": publication.packages,
        "added_count": len(added),
        "removed_count": len(removed),
        "added": _named(added),
        "removed": _named(removed),
        **_link("packages_app_publication_change", publication.pk),
    }
    names = {line.partition(" ")[0] for each in (added, removed) for line in each}
    return Happening(facts, names, (publication.suite,))


def candidate_held(held: HeldCandidate, said: str) -> Happening:
    """Return what is told of a candidate that is held back: once for the same row."""
    facts = {
        "suite": held.suite,
        "held": held.pk,
        "findings": held.codes,
        "text": _text(said),
        "packages": held.packages,
        "added_count": held.added_count,
        "removed_count": held.removed_count,
        **_link("packages_app_heldcandidate_change", held.pk),
    }
    return Happening(facts, None, (held.suite,))


def conflict_found(conflict: Conflict, known: PackageRecord, offered: FileIdentity) -> Happening:
    """Return what is told of an offer of a version that is there with other bytes."""
    facts = {
        **_of_key(known.key),
        "component": known.component,
        "suites": list(known.suites),
        "sha256": known.sha256_hash,
        "offered_sha256": offered.sha256,
        "origin": _text(conflict.origin),
        **_link("packages_app_conflict_change", conflict.pk),
    }
    return Happening(facts, (known.package_name,), known.suites or None)


def job_failed(job: Job, code: str, error: str, remedy: str) -> Happening:
    """Return what is told of a job that has failed."""
    about: Mapping[str, Any] = job.arguments
    suites = [about["suite"]] if "suite" in about else list(about.get("suites", ()))
    facts = {
        "job": str(job.pk),
        "kind": job.kind,
        "subject": job.subject,
        "code": code,
        "text": _text(error),
        "remedy": _text(remedy),
        **_link_to_job(job),
    }
    return Happening(facts, None, suites or None)


def expiry_near(notice: Notice, suite: str = "") -> Happening:
    """Return what is told of a Release that ends soon, or of the signing key where no suite is named: once a notice."""
    facts = {
        "suite": suite,
        "text": _text(notice.text),
        "remedy": _text(notice.remedy),
        **_link("packages_app_notice_change", notice.pk),
    }
    return Happening(facts, None, (suite,) if suite else None, str(notice.pk))


def _of_record(record: PackageRecord, more: Mapping[str, Any], suites: Iterable[str], matter: str) -> Happening:
    facts = {
        **_of_key(record.key),
        "component": record.component,
        "suites": list(record.suites),
        "sha256": record.sha256_hash,
        "size": record.file_size,
        **more,
    }
    page = admin_page("packages_app_package_changelist")
    if page:
        named = quote(f"{record.package_name}_{record.version}_{record.architecture}")
        facts["link"] = f"{page}?q={named}"
    return Happening(facts, (record.package_name,), tuple(suites), matter)


def _of_key(key: TableKey) -> dict[str, Any]:
    name, _, version = key[0].partition("#")
    architecture, build = architecture_and_build(key[1])
    said = {"package": name, "version": version, "architecture": architecture}
    return {**said, "build": build} if build else said


def _named(lines: Iterable[str]) -> list[dict[str, Any]]:
    return [_of_key(key_named(line)) for line, _ in zip(lines, range(_FIRST), strict=False)]


def _text(said: str) -> str:
    return redact(said)[:_LONGEST]


def _link_to_job(job: Job) -> dict[str, str]:
    return _link("packages_app_job_change", job.pk)


def _link(page: str, pk: object) -> dict[str, str]:
    address = admin_page(page, pk)
    return {"link": address} if address else {}
