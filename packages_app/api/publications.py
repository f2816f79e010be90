"""Publications, how they differ, and candidates that were held back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema, Status

from packages_app.api.listed import USUAL, Listed, page_of, row_of
from packages_app.api.needs import PUBLISHES, READS
from packages_app.api.shapes import PROBLEMS, JobShape, PublicationShape
from packages_app.core.history_errors import PublicationUnknown
from packages_app.models import HeldCandidate, Publication
from packages_app.services.intake.reject_candidate import reject_candidate
from packages_app.services.lifecycle.publications import difference_of, pin, publication_before
from packages_app.services.publication.held_candidates import approve
from packages_app.services.publication.shown import shown_as, shown_by

router = Router(tags=["publications"], auth=READS)
held = Router(tags=["held back"], auth=READS)


class Newest(Schema):
    """A package's newest version in each of two publications."""

    name: str
    architecture: str
    before: str
    after: str


class DifferenceShape(Schema):
    """What only one of two publications shows, as `name version architecture`, and other newest versions."""

    only_before: list[str]
    only_after: list[str]
    upgrades: list[Newest]
    downgrades: list[Newest]


@router.get("", response={200: Listed[PublicationShape], **PROBLEMS})
def list_publications(request: HttpRequest, suite: str = "", cursor: str = "", limit: int = USUAL) -> dict[str, Any]:
    """List publications, newest first."""
    rows = Publication.objects.filter(suite=suite) if suite else Publication.objects.all()
    page = page_of(rows, ("-published_at", "-pk"), cursor, limit, suite)
    return {**page, "items": [PublicationShape.of(one) for one in page["items"]]}


@router.get("/{number}", response={200: PublicationShape, **PROBLEMS})
def one_publication(request: HttpRequest, number: int) -> dict[str, Any]:
    """Return one publication."""
    return PublicationShape.of(_publication(number))


@router.get("/{number}/difference", response={200: DifferenceShape, **PROBLEMS})
def difference_of_publication(request: HttpRequest, number: int, against: str = "") -> dict[str, Any]:
    """Return what a publication changed, against the one before it or another, named as `rollback` takes it."""
    publication = _publication(number)
    before = shown_as(against) if against else publication_before(publication)
    if before is None:
        raise PublicationUnknown("It is the first of its suite.", remedy="Name another one: ?against=NUMBER.")
    return difference_of(before, shown_by(publication)).as_values()


@router.put("/{number}/pinned", response={200: PublicationShape, **PROBLEMS}, auth=PUBLISHES)
def pin_publication(request: HttpRequest, number: int) -> dict[str, Any]:
    """Keep a publication, and all that it shows, for ever."""
    return _pinned(request, number, pinned=True)


@router.delete("/{number}/pinned", response={200: PublicationShape, **PROBLEMS}, auth=PUBLISHES)
def unpin_publication(request: HttpRequest, number: int) -> dict[str, Any]:
    """Keep a publication no longer than others."""
    return _pinned(request, number, pinned=False)


def _pinned(request: HttpRequest, number: int, *, pinned: bool) -> dict[str, Any]:
    publication = _publication(number)
    pin([publication], request.user, pinned=pinned)
    publication.refresh_from_db()
    return PublicationShape.of(publication)


def _publication(number: int) -> Publication:
    return row_of(Publication.objects.all(), number, "publication")


class HeldShape(Schema):
    """A candidate that waits for a person's word, and why it was not published."""

    number: int
    suite: str
    state: str
    findings: list[dict[str, Any]]
    added: list[str]
    removed: list[str]
    packages: int
    approvable: bool
    seen: datetime
    decided_by: str

    @staticmethod
    def of(row: HeldCandidate) -> dict[str, Any]:
        """Return the shape's values for a row."""
        return {
            "number": row.pk, "suite": row.suite, "state": row.state, "findings": row.findings, "added": row.added,
            "removed": row.removed, "packages": row.packages, "approvable": row.approvable, "seen": row.seen,
            "decided_by": row.decider,
        }  # fmt: skip


@held.get("", response={200: Listed[HeldShape], **PROBLEMS})
def list_held(request: HttpRequest, state: str = "", cursor: str = "", limit: int = USUAL) -> dict[str, Any]:
    """List candidates that were held back, newest first; `state` such as waiting."""
    rows = HeldCandidate.objects.select_related("decided_by")
    page = page_of(rows.filter(state=state) if state else rows, ("-seen", "-pk"), cursor, limit, state)
    return {**page, "items": [HeldShape.of(one) for one in page["items"]]}


@held.get("/{number}", response={200: HeldShape, **PROBLEMS})
def one_held(request: HttpRequest, number: int) -> dict[str, Any]:
    """Return one of them."""
    return HeldShape.of(_held(number))


@held.post("/{number}/approve", response={202: JobShape, **PROBLEMS}, auth=PUBLISHES)
def approve_held(request: HttpRequest, number: int) -> Status[dict[str, Any]]:
    """Let its findings pass, just these, and ask for the publication."""
    return Status(202, JobShape.of(approve(_held(number), request.user)))


@held.post("/{number}/reject", response={200: list[str], **PROBLEMS}, auth=PUBLISHES)
def reject_held(request: HttpRequest, number: int) -> list[str]:
    """Take out of the suite what held it back; return the packages that went."""
    return reject_candidate(_held(number), request.user)


def _held(number: int) -> HeldCandidate:
    return row_of(HeldCandidate.objects.all(), number, "candidate")
