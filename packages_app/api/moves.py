"""Versions moved between suites: promoted, withdrawn, restored, rolled out; purged. Looked at first, where wanted."""

from __future__ import annotations

from typing import Any, Literal

from django.http import HttpRequest
from ninja import Field, Router, Schema, Status

from packages_app.api.needs import ADMINISTERS, PUBLISHES, READS
from packages_app.api.problems import BadRequest
from packages_app.api.shapes import PROBLEMS, JobShape, Said
from packages_app.core.record import TableKey, make_package_id
from packages_app.core.suite_change import What
from packages_app.services.lifecycle.move import keys_selected, preview_move, request_move
from packages_app.services.lifecycle.preview import Preview
from packages_app.services.lifecycle.purge import plan_purge, request_purge
from packages_app.services.lifecycle.steps import Move

router = Router(tags=["moves"], auth=PUBLISHES)

_WHAT = {
    "promote": What.PROMOTED, "withdraw": What.WITHDRAWN, "restore": What.RESTORED, "roll-out": What.ROLLED_OUT,
}  # fmt: skip


class Version(Said):
    """A version for one architecture, of one of several builds `amd64#BUILD`."""

    package: str = Field(max_length=255)
    version: str = Field(max_length=256)
    built_for: str = Field(max_length=255)

    @property
    def key(self) -> TableKey:
        """Its record's key."""
        return (make_package_id(self.package, self.version), self.built_for)


class MoveShape(Said):
    """What is to be done with which versions: those named, or those that a query selects.

    `suites` are those that they leave or come back to, all where none is named. `to` is the suite of a promotion, with
    `newer` only of what is newer than what that has. `rollout` are percentages of clients, a day each. `shown` is what
    the preview gave: where something else would be done by now, nothing is.
    """

    what: Literal["promote", "withdraw", "restore", "roll-out"]
    versions: list[Version] = Field(default_factory=list, max_length=10_000)
    query: str = ""
    suites: list[str] = Field(default_factory=list, max_length=1000)
    to: str = ""
    newer: bool = False
    rollout: list[int] = Field(default_factory=list, max_length=100)
    reason: str = ""
    shown: list[str] | None = None

    def move(self) -> Move:
        """Return it as the services have it; raise `BadRequest` where versions are named in two ways or in none."""
        if bool(self.versions) == bool(self.query):
            raise BadRequest("Versions are named in two ways, or not at all.", remedy="Send `versions`, or `query`.")
        keys = keys_selected(self.query) if self.query else [one.key for one in self.versions]
        return Move(_WHAT[self.what], tuple(keys), tuple(self.suites), self.to, self.newer, tuple(self.rollout))


class Seen(Schema):
    """A package's newest version in a suite, before and after."""

    suite: str
    package: str
    architecture: str
    before: str
    after: str
    goes_back: bool


class PreviewShape(Schema):
    """What clients would see; `shown` is sent with the request that does it."""

    versions: int
    suites: list[str]
    seen: list[Seen]
    more: int
    broken: list[str]
    older: list[str]
    emptied: list[str]
    shown: list[str]

    @staticmethod
    def of(preview: Preview) -> dict[str, Any]:
        """Return the shape's values."""
        return {
            "versions": preview.versions, "suites": list(preview.suites), "more": preview.more,
            "broken": list(preview.broken), "older": list(preview.older), "emptied": list(preview.emptied),
            "shown": list(preview.shown),
            "seen": [
                {"suite": one.suite, "package": one.name, "architecture": one.architecture, "before": one.before,
                 "after": one.after, "goes_back": one.goes_back}
                for one in preview.seen
            ],
        }  # fmt: skip


@router.post("/preview", response={200: PreviewShape, **PROBLEMS}, auth=READS)
def preview_of_move(request: HttpRequest, body: MoveShape) -> dict[str, Any]:
    """Return what a move would do to clients; nothing is changed."""
    return PreviewShape.of(preview_move(body.move()))


@router.post("", response={202: JobShape, **PROBLEMS})
def move(request: HttpRequest, body: MoveShape) -> Status[dict[str, Any]]:
    """Ask for a move."""
    job = request_move(body.move(), body.reason, shown=body.shown, user=request.user)
    return Status(202, JobShape.of(job))


class PurgeShape(Said):
    """Versions of one package to be removed for good; `package` is its name, written once more as consent."""

    versions: list[Version] = Field(min_length=1, max_length=1000)
    reason: str
    package: str


@router.post("/purge/preview", response={200: PreviewShape, **PROBLEMS}, auth=ADMINISTERS)
def preview_of_purge(request: HttpRequest, body: PurgeShape) -> dict[str, Any]:
    """Return what a purge would do to clients; nothing is changed."""
    return PreviewShape.of(plan_purge(one.key for one in body.versions).said)


@router.post("/purge", response={202: JobShape, **PROBLEMS}, auth=ADMINISTERS)
def purge(request: HttpRequest, body: PurgeShape) -> Status[dict[str, Any]]:
    """Ask for a purge: records and files go, and the version can never come again."""
    keys = [one.key for one in body.versions]
    return Status(202, JobShape.of(request_purge(keys, body.reason, body.package, user=request.user)))
