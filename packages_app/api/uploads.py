"""Uploads: one or several files of packages in a form, or one as the body itself."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router, Schema, Status

from packages_app.api.bodies import files_of
from packages_app.api.needs import READS, UPLOADS
from packages_app.api.shapes import PROBLEMS, JobShape, PackageShape, PublicationShape
from packages_app.services.deliveries.delivered import Place
from packages_app.services.pushes.push import Pushed, keys_of, push, pushed_by
from packages_app.services.pushes.shown import Standing, failure_of, wait_until_shown

router = Router(tags=["uploads"], auth=UPLOADS)

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "array", "items": {"type": "string", "format": "binary"}}},
                }
            },
            "application/vnd.debian.binary-package": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class UploadedFile(Schema):
    """A file that was sent, and the package that it is; `known` says that these bytes were there already."""

    file: str
    known: bool
    package: PackageShape


class UploadShape(Schema):
    """What became of an upload: `standing` is waiting, taken in, held back, shown or failed.

    Once it is shown, `publications` has the one in place of each suite where clients see it.
    """

    standing: str
    files: list[UploadedFile]
    job: JobShape | None
    publications: list[PublicationShape]


@router.post("", response={200: UploadShape, 202: UploadShape, **PROBLEMS}, openapi_extra=_BODY)
def upload(
    request: HttpRequest, suite: str = "", component: str = "", build: str = "", filename: str = "", wait: int = 0
) -> Status[dict[str, Any]]:
    """Take packages in: all of them, or none where one is refused.

    Send a form with `file` once or more, or one package as the body and its name as `filename`. `suite` and `component`
    are those of the definition where none is named. 200 for what is there already with the same bytes, or is shown
    within `wait` seconds; 202 for work that goes on; 409 for other bytes of a version that is there; the job's own
    error where it failed by then. A header
    `Content-Digest: sha-256=:BASE64:` is checked (RFC 9530).
    """
    place = Place(suite, component, build=build)
    with files_of(request, filename) as files:
        pushed = push(files, place, request.user)
    status, said = answer_to(pushed, wait)
    return Status(status, said)


@router.get("/{job}", response={200: UploadShape, **PROBLEMS}, auth=READS)
def upload_standing(request: HttpRequest, job: UUID, wait: int = 0) -> dict[str, Any]:
    """Return how far an upload is, by its job; `wait` seconds for clients to see it."""
    return answer_of(pushed_by(job), wait)[1]


def answer_to(pushed: Pushed, wait: int) -> tuple[int, dict[str, Any]]:
    """Return what a push is answered with, as `answer_of`; raise `UploadFailed` for one that was refused by then."""
    status, said = answer_of(pushed, wait)
    if pushed.job is not None and said["standing"] == Standing.FAILED:
        raise failure_of(pushed.job)
    return status, said


def answer_of(pushed: Pushed, wait: int) -> tuple[int, dict[str, Any]]:
    """Return the status and the shape that a push is answered with."""
    keys = {file.record.key for file in pushed.files} | set(keys_of(pushed.job) if pushed.job is not None else ())
    shown = wait_until_shown(pushed.job, keys, wait)
    status = HTTPStatus.ACCEPTED
    if pushed.job is None or shown.standing is Standing.SHOWN:
        status = HTTPStatus.OK
    return status, {
        "standing": str(shown.standing),
        "files": [
            {"file": file.name, "known": file.known, "package": PackageShape.of_record(file.record)}
            for file in pushed.files
        ],
        "job": JobShape.of(pushed.job) if pushed.job is not None else None,
        "publications": [PublicationShape.of(one) for one in shown.publications],
    }
