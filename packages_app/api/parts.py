"""Uploads in parts: each may be sent again, and who begins again is told which parts are there.

A part goes to the address that is given for it, straight to the staging bucket or to us.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Header, Query, Router, Schema, Status
from pydantic import Field

from packages_app.api.bodies import body_of
from packages_app.api.needs import UPLOADS
from packages_app.api.shapes import PROBLEMS, Said
from packages_app.api.uploads import UploadShape, answer_to
from packages_app.core.direct_upload import PART_BYTES
from packages_app.services.deliveries.delivered import Place
from packages_app.services.pushes.parts import (
    addresses_of_parts,
    begin,
    complete,
    give_up,
    parts_there,
    put_part,
)
from packages_app.services.pushes.push import MOST_FILES
from packages_app.services.rights.shown_token import ShownToken, shown_token

router = Router(tags=["uploads"], auth=UPLOADS)

_MOST_ADDRESSES = 100
_LONGEST_TICKET = 4096
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
Ticket = Annotated[str, Header(alias="Upload-Ticket", max_length=_LONGEST_TICKET)]
Number = Annotated[int, Field(ge=1, le=10_000)]


class FileSaid(Said):
    """A file that is to come, and the place that it is for; the whole file is held to what is said of it."""

    filename: str = Field(max_length=255)
    size: int = Field(ge=1, le=2**53)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    suite: str = Field("", max_length=64)
    component: str = Field("", max_length=64)
    build: str = Field("", max_length=64)


class BegunShape(Schema):
    """A file that is under way: its ticket, the bytes of each part but the last, how many parts, and those there.

    `straight` says that parts may go to the staging bucket itself.
    """

    ticket: str
    part_bytes: int
    parts: int
    there: list[int]
    straight: bool


class ThereShape(Schema):
    """The numbers of the parts that are there, from 1 on."""

    there: list[int]


class PartAddress(Schema):
    """Where to PUT a part: `own` is an address of ours, which takes the token and the ticket as all routes here."""

    number: int
    size: int
    address: str
    own: bool


class PartAddresses(Schema):
    """Where to PUT parts, for five minutes where it is the staging bucket."""

    parts: list[PartAddress]


class Tickets(Said):
    """The files of one push."""

    tickets: list[Annotated[str, Field(max_length=_LONGEST_TICKET)]] = Field(min_length=1, max_length=MOST_FILES)


@router.post("", response={200: BegunShape, **PROBLEMS})
def begin_parts(request: HttpRequest, said: FileSaid) -> dict[str, Any]:
    """Begin a file in parts, or go on with it: the same file of the same token is found, and the parts that are there.

    A trusted publisher's next token finds it too.
    """
    place = Place(said.suite, said.component, build=said.build)
    return asdict(begin(said.filename, said.size, said.sha256, place, request.user, _token()))


@router.get("", response={200: ThereShape, **PROBLEMS})
def parts_of_file(request: HttpRequest, ticket: Ticket) -> dict[str, Any]:
    """Return which parts of a file are there."""
    return {"there": parts_there(ticket, request.user, _token())}


@router.delete("", response={200: ThereShape, **PROBLEMS})
def give_up_parts(request: HttpRequest, ticket: Ticket) -> dict[str, Any]:
    """Remove what is there of a file; its ticket counts no more."""
    give_up(ticket, request.user, _token())
    return {"there": []}


@router.get("/addresses", response={200: PartAddresses, **PROBLEMS})
def addresses(
    request: HttpRequest,
    ticket: Ticket,
    number: Annotated[list[Number], Query(min_length=1, max_length=_MOST_ADDRESSES)],
) -> dict[str, Any]:
    """Return where to PUT parts, each of just the bytes that it has."""
    here = request.build_absolute_uri(request.path.removesuffix("/addresses"))
    return {
        "parts": [
            {**asdict(part), "address": part.address or f"{here}/{part.number}", "own": not part.address}
            for part in addresses_of_parts(ticket, number, request.user, _token())
        ]
    }


@router.post("/complete", response={200: UploadShape, 202: UploadShape, **PROBLEMS})
def complete_parts(request: HttpRequest, said: Tickets, wait: int = 0) -> Status[dict[str, Any]]:
    """Take in the packages whose parts are there, as `POST /uploads` does and with its answer: all of them, or none.

    409, `parts_missing`, for those that are not there whole: they stay. What is refused is not kept.
    """
    status, answer = answer_to(complete(said.tickets, request.user, _token()), wait)
    return Status(status, answer)


@router.put("/{int:number}", response={200: ThereShape, **PROBLEMS}, openapi_extra=_BODY)
def put_one_part(request: HttpRequest, number: Number, ticket: Ticket) -> dict[str, Any]:
    """Take a part as the body, wherever staging is; return it. Sent again it replaces itself."""
    with body_of(request, PART_BYTES) as path:
        put_part(ticket, number, path, request.user, _token())
    return {"there": [number]}


def _token() -> ShownToken:
    token = shown_token()
    assert token is not None  # noqa: S101 - UPLOADS asks for one
    return token
