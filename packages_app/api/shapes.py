"""The shapes of what routes answer with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Schema
from pydantic import ConfigDict, model_validator

from packages_app.core.built_from import built_from
from packages_app.core.record import PackageRecord
from packages_app.models import Job, Package, Publication


class Said(Schema):
    """What a caller says, as JSON: an object, whose values are of their types: "true" is no true."""

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def _is_object(cls, said: Any) -> Any:
        if not isinstance(getattr(said, "_obj", said), dict):  # ninja looks at whatever it was sent by its attributes
            raise ValueError("An object is needed.")
        return said


class Misshapen(Schema):
    """A value of a request that is not of the route's shape: which it is, and what is wrong."""

    where: str
    what: str


class Problem(Schema):
    """An error (RFC 9457): a stable code, what is wrong, and the remedy; `faults` of a request of another shape."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    remedy: str = ""
    faults: list[Misshapen] = []


PROBLEMS = dict.fromkeys((400, 401, 403, 404, 405, 409, 410, 412, 413, 422, 428, 429, 503), Problem)
"""What any route may answer with besides."""


class PackageShape(Schema):
    """One version of a package for one architecture, or one of its builds."""

    package: str
    version: str
    architecture: str
    build: str = ""
    component: str
    suites: list[str]
    sha256: str
    size: int | None
    file: str
    """Where it lies below the repository's address; empty for one without a file here."""
    taken_in: str
    section: str = ""
    maintainer: str = ""
    description: str = ""
    built_from: dict[str, str] = {}
    """What an identity provider vouched for: repository, workflow, commit and more; empty as a rule."""

    @staticmethod
    def of_record(record: PackageRecord) -> dict[str, Any]:
        """Return the shape's values for a record."""
        return {
            "package": record.package_name, "version": record.version, "architecture": record.architecture,
            "build": record.build, "component": record.component, "suites": list(record.suites),
            "sha256": record.sha256_hash or "", "size": record.file_size, "file": record.pool_path or "",
            "taken_in": record.processed_timestamp or "", "section": record.section or "",
            "maintainer": record.maintainer or "", "description": record.description or "",
            "built_from": built_from(record),
        }  # fmt: skip

    @staticmethod
    def of_row(row: Package) -> dict[str, Any]:
        """Return the shape's values for a row of the mirror, whose memberships are fetched."""
        return {
            "package": row.package_name, "version": row.version, "architecture": row.architecture, "build": row.build,
            "component": row.component, "suites": sorted(one.suite for one in row.memberships.all()),
            "sha256": row.sha256_hash, "size": row.file_size, "file": row.pool_path,
            "taken_in": row.processed_timestamp, "section": row.section, "maintainer": row.maintainer,
            "description": row.description, "built_from": built_from(row),
        }  # fmt: skip


class JobShape(Schema):
    """A piece of work: how far it is, and how it ended."""

    id: str
    kind: str
    subject: str
    state: str
    asked_by: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    steps: list[dict[str, Any]]
    result: dict[str, Any]
    code: str
    error: str
    remedy: str

    @staticmethod
    def of(job: Job, *, whole: bool = True) -> dict[str, Any]:
        """Return the shape's values; steps and result are left out of a list."""
        return {
            "id": str(job.pk), "kind": job.kind, "subject": job.subject, "state": job.state, "asked_by": job.asker,
            "created": job.created, "started": job.started, "ended": job.ended, "steps": job.steps if whole else [],
            "result": job.result if whole else {}, "code": job.error_code, "error": job.error, "remedy": job.remedy,
        }  # fmt: skip


class PublicationShape(Schema):
    """One published state of a suite."""

    number: int
    suite: str
    kind: str
    date: datetime
    valid_until: datetime
    published_at: datetime
    release_sha256: str
    signed_by: str
    packages: int
    added: int
    removed: int
    pinned: bool

    @staticmethod
    def of(row: Publication) -> dict[str, Any]:
        """Return the shape's values for a row."""
        return {
            "number": row.pk, "suite": row.suite, "kind": row.kind, "date": row.date, "valid_until": row.valid_until,
            "published_at": row.published_at, "release_sha256": row.release_sha256, "signed_by": row.fingerprint,
            "packages": row.packages, "added": row.added_count, "removed": row.removed_count, "pinned": row.pinned,
        }  # fmt: skip
