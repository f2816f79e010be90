"""Suites: what they are, and what is asked for of a whole suite."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from packages_app.api.moves import PreviewShape
from packages_app.api.needs import PUBLISHES, READS
from packages_app.api.shapes import PROBLEMS, JobShape, PublicationShape, Said
from packages_app.core.repository import Suite
from packages_app.models import Publication
from packages_app.services import adapters
from packages_app.services.lifecycle.retention import request_retention
from packages_app.services.lifecycle.rollback import plan_rollback, preview_rollback, request_rollback
from packages_app.services.publication.requests import known_suite, request_publication
from packages_app.services.requests import request_force_rebuild, request_sweep, request_verify
from packages_app.verification.finding import PoolScope

router = Router(tags=["suites"], auth=READS)
upkeep = Router(tags=["upkeep"], auth=PUBLISHES)


class SuiteShape(Schema):
    """A suite, and its newest publication; null for one that was never published."""

    name: str
    codename: str
    description: str
    components: list[str]
    architectures: list[str]
    publication: PublicationShape | None


def _shape(suite: Suite) -> dict[str, Any]:
    newest = Publication.objects.filter(suite=suite.name).first()
    return {
        "name": suite.name, "codename": suite.codename, "description": suite.description,
        "components": list(suite.components), "architectures": list(suite.architectures),
        "publication": PublicationShape.of(newest) if newest is not None else None,
    }  # fmt: skip


@router.get("", response={200: list[SuiteShape], **PROBLEMS})
def list_suites(request: HttpRequest) -> list[dict[str, Any]]:
    """List the suites, the default one first."""
    return [_shape(suite) for suite in adapters.repository().suites]


@router.get("/{suite}", response={200: SuiteShape, **PROBLEMS})
def one_suite(request: HttpRequest, suite: str) -> dict[str, Any]:
    """Return one suite."""
    return _shape(known_suite(suite))


@router.post("/{suite}/publish", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def publish_suite(request: HttpRequest, suite: str) -> Status[dict[str, Any]]:
    """Ask for a publication of what is pending."""
    return Status(202, JobShape.of(request_publication(suite, user=request.user)))


class RebuildShape(Said):
    """How a suite is rebuilt: held candidates that are approved by it, and what is allowed to change with it."""

    approved: list[int] = Field(default_factory=list, max_length=1000)
    new_identity: bool = False
    new_key: bool = False


@router.post("/{suite}/rebuild", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def rebuild_suite(request: HttpRequest, suite: str, body: RebuildShape) -> Status[dict[str, Any]]:
    """Ask for a force rebuild: all of the suite's records are read, and all of its indexes made anew."""
    [job] = request_force_rebuild(
        [suite], request.user, approved=body.approved, new_identity=body.new_identity, new_key=body.new_key
    )
    return Status(202, JobShape.of(job))


@router.post("/{suite}/verify", response={202: list[JobShape], **PROBLEMS}, auth=PUBLISHES)
def verify_suite(request: HttpRequest, suite: str, whole_pool: bool = False) -> Status[list[dict[str, Any]]]:
    """Ask for a verification of what clients get, and of the pool's files, a sample or all."""
    scope = PoolScope.ALL if whole_pool else PoolScope.SAMPLE
    return Status(202, [JobShape.of(job) for job in request_verify(request.user, suites=[suite], pool=scope)])


class RollbackShape(Said):
    """The publication that a suite goes back to: its number, or the beginning of its Release's SHA256."""

    to: str = Field(min_length=1, max_length=100)
    reason: str = ""
    shown: list[str] | None = None


@router.post("/{suite}/rollback/preview", response={200: PreviewShape, **PROBLEMS})
def preview_of_rollback(request: HttpRequest, suite: str, body: RollbackShape) -> dict[str, Any]:
    """Return what clients would see; nothing is changed."""
    return PreviewShape.of(preview_rollback(plan_rollback(suite, body.to)))


@router.post("/{suite}/rollback", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def roll_back_suite(request: HttpRequest, suite: str, body: RollbackShape) -> Status[dict[str, Any]]:
    """Ask for a suite to show again what an earlier publication showed."""
    job = request_rollback(suite, body.to, body.reason, shown=body.shown, user=request.user)
    return Status(202, JobShape.of(job))


@router.post("/{suite}/retention", response={202: list[JobShape], **PROBLEMS}, auth=PUBLISHES)
def retain_suite(request: HttpRequest, suite: str) -> Status[list[dict[str, Any]]]:
    """Ask for the suite's retention now, as its policies say; no job where it has none."""
    return Status(202, [JobShape.of(job) for job in request_retention([suite], user=request.user)])


@upkeep.post("/sweep", response={202: JobShape, **PROBLEMS})
def sweep(request: HttpRequest, dry_run: bool = True) -> Status[dict[str, Any]]:
    """Ask for a sweep of what nothing needs any more, or for what it would take."""
    return Status(202, JobShape.of(request_sweep(request.user, dry_run=dry_run)))
