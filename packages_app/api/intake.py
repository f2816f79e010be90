"""What comes in besides uploads: checks upstream, builds of bootstrap packages, conflicts, and notices."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from packages_app.api.listed import USUAL, Listed, page_of, row_of
from packages_app.api.needs import BOOTSTRAPS, PUBLISHES, READS
from packages_app.api.shapes import PROBLEMS, JobShape, Said
from packages_app.models import Conflict, Notice
from packages_app.services.intake.settle_builds import request_two_builds
from packages_app.services.requests import request_build, request_sync, settle_by_hand, settle_conflicts

router = Router(tags=["intake"], auth=READS)
notices = Router(tags=["notices"], auth=READS)


class CheckShape(Said):
    """Definitions to be checked upstream, all that are enabled when none is named; with `again` refused offers too."""

    names: list[str] = Field(default_factory=list, max_length=1000)
    again: bool = False


@router.post("/checks", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def check_upstream(request: HttpRequest, body: CheckShape) -> Status[dict[str, Any]]:
    """Ask for a check upstream."""
    return Status(202, JobShape.of(request_sync(body.names, request.user, again=body.again)))


class BuildShape(Said):
    """A version of a bootstrap package to be built from its templates."""

    name: str
    version: str


@router.post("/builds", response={202: JobShape, **PROBLEMS}, auth=BOOTSTRAPS)
def build_bootstrap(request: HttpRequest, body: BuildShape) -> Status[dict[str, Any]]:
    """Ask for a build of a bootstrap package."""
    return Status(202, JobShape.of(request_build(body.name, body.version, request.user)))


class ConflictShape(Schema):
    """A version that was offered with other bytes than clients have."""

    number: int
    package: str
    version: str
    architecture: str
    build: str
    known_sha256: str
    offered_sha256: str
    offered_by: str
    kept: bool
    seen: datetime
    settled: bool

    @staticmethod
    def of(row: Conflict) -> dict[str, Any]:
        """Return the shape's values for a row."""
        return {
            "number": row.pk, "package": row.package_name, "version": row.version, "architecture": row.architecture,
            "build": row.build, "known_sha256": row.known_sha256, "offered_sha256": row.offered_sha256,
            "offered_by": row.origin, "kept": bool(row.quarantined), "seen": row.seen, "settled": row.settled,
        }  # fmt: skip


@router.get("/conflicts", response={200: Listed[ConflictShape], **PROBLEMS})
def list_conflicts(request: HttpRequest, settled: bool = False, cursor: str = "", limit: int = USUAL) -> dict[str, Any]:
    """List conflicts, newest first."""
    page = page_of(Conflict.objects.filter(settled=settled), ("-seen", "-pk"), cursor, limit, settled)
    return {**page, "items": [ConflictShape.of(one) for one in page["items"]]}


@router.post("/conflicts/{number}/settle", response={200: ConflictShape, **PROBLEMS}, auth=PUBLISHES)
def settle_conflict(request: HttpRequest, number: int) -> dict[str, Any]:
    """Mark a conflict as looked into; what clients have stays."""
    conflict = _conflict(number)
    settle_conflicts([conflict], request.user)
    conflict.refresh_from_db()
    return ConflictShape.of(conflict)


class TwoBuilds(Said):
    """The label of the build that was offered, and the suites whose clients get it."""

    build: str = Field(max_length=64)
    suites: list[str] = Field(min_length=1, max_length=1000)


@router.post("/conflicts/{number}/builds", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def settle_as_builds(request: HttpRequest, number: int, body: TwoBuilds) -> Status[dict[str, Any]]:
    """Ask for the offered file to be taken in as another build of the version."""
    return Status(202, JobShape.of(request_two_builds(_conflict(number), body.build, body.suites, request.user)))


def _conflict(number: int) -> Conflict:
    return row_of(Conflict.objects.all(), number, "conflict")


class NoticeShape(Schema):
    """What a person should hear of."""

    id: str
    kind: str
    level: str
    subject: str
    text: str
    remedy: str
    created: datetime
    seen: datetime
    times: int
    settled: datetime | None

    @staticmethod
    def of(row: Notice) -> dict[str, Any]:
        """Return the shape's values for a row."""
        return {
            "id": str(row.pk), "kind": row.kind, "level": row.level, "subject": row.subject, "text": row.text,
            "remedy": row.remedy, "created": row.created, "seen": row.seen, "times": row.times, "settled": row.settled,
        }  # fmt: skip


@notices.get("", response={200: Listed[NoticeShape], **PROBLEMS})
def list_notices(request: HttpRequest, settled: bool = False, cursor: str = "", limit: int = USUAL) -> dict[str, Any]:
    """List notices, newest first."""
    rows = Notice.objects.filter(settled__isnull=not settled)
    page = page_of(rows, ("-seen", "pk"), cursor, limit, settled)
    return {**page, "items": [NoticeShape.of(one) for one in page["items"]]}


@notices.post("/{number}/settle", response={200: NoticeShape, **PROBLEMS}, auth=PUBLISHES)
def settle_notice(request: HttpRequest, number: UUID) -> dict[str, Any]:
    """Mark a notice as looked into."""
    notice = row_of(Notice.objects.all(), number, "notice")
    settle_by_hand([notice], request.user)
    notice.refresh_from_db()
    return NoticeShape.of(notice)
