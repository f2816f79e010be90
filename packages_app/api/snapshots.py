"""Snapshots: states of suites that stay as they are, at addresses of their own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from packages_app.api.needs import PUBLISHES, READS
from packages_app.api.shapes import PROBLEMS, JobShape, Said
from packages_app.services.snapshots.compose import recipe_of
from packages_app.services.snapshots.jobs import request_composed, request_deletion, request_snapshot
from packages_app.services.snapshots.snapshots import ListedSnapshot, list_snapshots

router = Router(tags=["snapshots"], auth=READS)


class SnapshotShape(Schema):
    """A snapshot; `of` is null where its InRelease can't be read."""

    suite: str
    name: str
    of: datetime | None
    sources: str
    of_the_clock: bool


def _shape(listed: ListedSnapshot) -> dict[str, Any]:
    of = listed.snapshot.of if listed.snapshot is not None else None
    return {"suite": listed.suite, "name": listed.name, "of": of, "sources": listed.sources,
            "of_the_clock": listed.of_the_clock}  # fmt: skip


@router.get("/{suite}", response={200: list[SnapshotShape], **PROBLEMS})
def snapshots_of(request: HttpRequest, suite: str) -> list[dict[str, Any]]:
    """List a suite's snapshots, newest state first."""
    return [_shape(listed) for listed in list_snapshots(suite)]


class NewSnapshot(Said):
    """A snapshot to be made: of what is in place, or of `publication` (a number, a digest, SUITE/SNAPSHOT)."""

    name: str = Field(max_length=100)
    publication: str = Field(default="", max_length=200)
    reason: str = ""


@router.post("/{suite}", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def make_snapshot(request: HttpRequest, suite: str, body: NewSnapshot) -> Status[dict[str, Any]]:
    """Ask for a snapshot."""
    job = request_snapshot(suite, body.name, reason=body.reason, publication=body.publication, user=request.user)
    return Status(202, JobShape.of(job))


class ComposedSnapshot(Said):
    """A snapshot merged of others, or filtered: `parts` as `manage.py snapshot` takes them, `way` as there."""

    name: str = Field(max_length=100)
    parts: list[str] = Field(min_length=1, max_length=100)
    way: str = ""
    query: str = ""
    reason: str = ""


@router.post("/{suite}/composed", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def compose_snapshot(request: HttpRequest, suite: str, body: ComposedSnapshot) -> Status[dict[str, Any]]:
    """Ask for a snapshot that is merged or filtered."""
    recipe = recipe_of(f"{suite}/{body.name}", body.parts, body.way, body.query)
    return Status(202, JobShape.of(request_composed(recipe, body.reason, user=request.user)))


@router.delete("/{suite}/{name}", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def delete_snapshot(request: HttpRequest, suite: str, name: str) -> Status[dict[str, Any]]:
    """Ask for a snapshot's deletion."""
    return Status(202, JobShape.of(request_deletion(suite, name, user=request.user)))
