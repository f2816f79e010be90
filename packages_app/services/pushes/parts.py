"""Files that a machine pushes in parts, which it may go on with after any fault, and what makes one push of them.

Nothing of them is in the database: a file's place in staging says whose it is, and what it was said to be, so that who
begins again finds the parts that are there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from django.conf import settings

from packages_app.core.direct_upload import (
    PART_BYTES,
    BegunUpload,
    PartsDiffer,
    PartUploads,
    UploadGone,
    part_sizes,
)
from packages_app.core.errors import ObjectNotFound, PackageRefused, RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.core.rights import Action, right_missing
from packages_app.models import AccessToken
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.deliveries.delivered import Place, TooManyFiles
from packages_app.services.deliveries.tickets import TICKET_SECONDS, give_ticket, read_ticket
from packages_app.services.intake.admit import admission_of_uploads
from packages_app.services.intake.uploads import check_filename, check_size
from packages_app.services.pushes.push import MOST_FILES, Pushed, push
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of
from packages_app.services.rights.shown_token import ShownToken

MOST_BEGUN = MOST_FILES
"""Files that a token may have under way: those of one push. Together they have ten times UPLOAD_LIMIT_BYTES at most."""
_LIMITS_OF_BYTES = 10
_FOLDER = "uploads/parts-"
_SALT = "push-in-parts"
_AGAIN = "Begin again: POST /api/v1/uploads/parts says which parts are there."

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Begun:
    """What is needed to send a file: its ticket, the bytes of each part but the last, how many parts, those there.

    `straight` says that its parts may be sent to the staging bucket itself.
    """

    ticket: str
    part_bytes: int
    parts: int
    there: tuple[int, ...]
    straight: bool


@dataclass(frozen=True)
class PartAddress:
    """Where a part of `size` bytes may be sent straight to the staging bucket; "" where it comes through us alone."""

    number: int
    size: int
    address: str


@dataclass(frozen=True)
class _Upload:
    """What a ticket says."""

    key: str
    upload: str
    size: int
    sha256: str
    place: Place

    @property
    def name(self) -> str:
        """The name that the file was sent by."""
        return self.key.rpartition("/")[2]


def begin(
    name: str, size: int, sha256: str, place: Place, user: Asker, token: ShownToken, *, now: datetime | None = None
) -> Begun:
    """Begin, or go on with, a file of `size` bytes and this SHA256 (hex); `now` is the time in UTC where it is another.

    Raise `PackageRefused` and `TooLarge` for what is no package's, `RightMissing` for what its name claims to be, or
    for its place, `TooManyFiles`, and what the store raises.
    """
    check_filename(name)
    check_size(name, size)
    _check_claim(name, place, user)
    folder, since = _folder_of(token), (now or adapters.now()) - timedelta(seconds=TICKET_SECONDS)
    claim = hashlib.sha256(f"{sha256}\n{name}".encode()).hexdigest()[:32]
    uploads = adapters.part_uploads()
    known = [one for one in uploads.begun_below(f"{folder}{claim}-{size}/") if one.begun >= since]
    if known:
        found = min(known, key=lambda one: (one.begun, one.upload))
        key, upload = found.key, found.upload
        there = _numbers(uploads, key, upload)
    else:
        _require_room(uploads, folder, size, since)
        key, there = f"{folder}{claim}-{size}/{uuid4().hex}/{name}", ()
        upload = uploads.begin_parts(key)
        log.info("push_in_parts_begun", key=key, size=size)
    said = {"key": key, "upload": upload, "size": size, "sha256": sha256,
            "place": [place.suite, place.component, place.build]}  # fmt: skip
    ticket = give_ticket(said, _whose(user, token), purpose=_SALT)
    return Begun(ticket, PART_BYTES, len(part_sizes(size)), there, adapters.direct_uploads() is not None)


def parts_there(ticket: str, user: Asker, token: ShownToken) -> tuple[int, ...]:
    """Return the numbers of the parts that are there; raise `TicketRefused`, `TicketExpired`, `UploadGone`."""
    said = _read(ticket, user, token)
    return _numbers(adapters.part_uploads(), said.key, said.upload)


def addresses_of_parts(ticket: str, numbers: Iterable[int], user: Asker, token: ShownToken) -> list[PartAddress]:
    """Return where parts may be sent to.

    Raise `TicketRefused`, `TicketExpired`, and `PackageRefused` for a part that the file does not have.
    """
    said, direct = _read(ticket, user, token), adapters.direct_uploads()
    sizes = {number: _size_of(said, number) for number in numbers}
    return [
        PartAddress(number, size, direct.part_address(said.key, said.upload, number, size) if direct else "")
        for number, size in sizes.items()
    ]


def put_part(ticket: str, number: int, body: Path, user: Asker, token: ShownToken) -> None:
    """Keep a part that came through us.

    Raise as `addresses_of_parts`, `PartsDiffer` for one of another size, `UploadGone`, and what the store raises.
    """
    said = _read(ticket, user, token)
    expected, came = _size_of(said, number), body.stat().st_size
    if came != expected:
        raise PartsDiffer(
            f"Part {number} has {expected} bytes; {came} came.", remedy="Send just that part of the file."
        )
    adapters.part_uploads().put_part(said.key, said.upload, number, body)


def complete(tickets: Sequence[str], user: Asker, token: ShownToken) -> Pushed:
    """Push the files whose parts are there, all or none, as `push` does; what is refused is not kept.

    Raise `TicketRefused`, `TicketExpired`; `PartsMissing`, after which these may be sent; `PartsDiffer`, also for a
    file that has another SHA256 than was said; `UploadGone`; and as `push`.
    """
    if len(tickets) > MOST_FILES:
        raise PackageRefused(f"{len(tickets)} files were sent.", remedy=f"Send {MOST_FILES} at once at most.")
    said = [_read(ticket, user, token) for ticket in tickets]
    if len({one.key for one in said}) < len(said):
        raise PackageRefused("A file is there twice.", remedy="Send each ticket once.")
    if len({one.place for one in said}) > 1:
        raise PackageRefused("The files were begun for several places.", remedy="Push those of each place together.")
    try:
        with ExitStack() as opened:
            files = [(_whole(one, opened), one.name) for one in said]
            pushed = push(files, said[0].place if said else Place(), user)
    except RepomgrError as error:
        if error.outcome is Outcome.REFUSED and not isinstance(error, UploadGone):
            _forget(said)
        raise
    _forget(said)
    log.info("push_in_parts_completed", keys=[one.key for one in said])
    return pushed


def give_up(ticket: str, user: Asker, token: ShownToken) -> None:
    """Remove what is there of a file; raise `TicketRefused`, `TicketExpired`, and what the store raises."""
    said = _read(ticket, user, token)
    _remove(said)
    log.info("push_in_parts_given_up", key=said.key)


def _check_claim(name: str, place: Place, user: Asker) -> None:
    """Refuse early what could not be pushed; the file itself is asked about once it is there."""
    rights, (package, named, _) = rights_of(user), name.partition("_")
    admission = admission_of_uploads(rights, suite=place.suite, component=place.component, build=place.build)
    for suite in admission.suites:
        admission.repository.suite_named(suite)
    claimed = package if named else ""
    may = rights.may(Action.UPLOAD, claimed, place.suite) if place.suite and claimed else rights.may_somewhere(
        Action.UPLOAD, claimed
    )  # fmt: skip
    if not may:
        raise right_missing(Action.UPLOAD, f"{name[:80]} by its name", claimed, place.suite)


def _require_room(uploads: PartUploads, folder: str, size: int, since: datetime) -> None:
    """Remove what anybody began before `since`; raise `TooManyFiles` where a token has much under way."""
    begun: list[BegunUpload] = []
    for one in uploads.begun_below(_FOLDER):
        if one.begun < since:
            uploads.abort_parts(one.key, one.upload)
        elif one.key.startswith(folder):
            begun.append(one)
    keys = tuple(one.key for one in begun)
    left = sum(bytes_ for key, bytes_ in adapters.staging().keys(folder) if not key.startswith(keys or ("/",)))
    under_way = left + sum(int(key.split("/")[2].rpartition("-")[2]) for key in keys)
    if len(begun) >= MOST_BEGUN or under_way + size > _LIMITS_OF_BYTES * settings.UPLOAD_LIMIT_BYTES:
        raise TooManyFiles(
            f"{len(begun)} files, {under_way} bytes, of this token are under way already.",
            remedy=f"Complete them, or give them up; what is left is forgotten after {TICKET_SECONDS // 3600} hours.",
        )


def _whole(said: _Upload, opened: ExitStack) -> Path:
    try:
        path = opened.enter_context(adapters.part_uploads().file_of_parts(said.key, said.upload, said.size))
    except ObjectNotFound as error:
        raise UploadGone(f"The parts of {said.name} were removed meanwhile.", remedy=_AGAIN) from error
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    if sha256 != said.sha256:
        raise PartsDiffer(
            f"The SHA256 of {said.name} is {sha256}, and was said to be {said.sha256}.",
            remedy="Send the file again: it may have changed while it was sent.",
        )
    return path


def _forget(uploads: Iterable[_Upload]) -> None:
    """Remove what a push has answered for; what can't be removed now is forgotten with what others leave."""
    for one in uploads:
        try:
            _remove(one)
        except RepomgrError as error:
            log.warning("parts_left", key=one.key, code=error.code)


def _remove(said: _Upload) -> None:
    adapters.part_uploads().abort_parts(said.key, said.upload)
    adapters.staging().delete(said.key)


def _numbers(uploads: PartUploads, key: str, upload: str) -> tuple[int, ...]:
    return tuple(sorted(part.number for part in uploads.parts_there(key, upload)))


def _size_of(said: _Upload, number: int) -> int:
    sizes = part_sizes(said.size)
    if not 1 <= number <= len(sizes):
        raise PackageRefused(f"The file has {len(sizes)} parts, and no part {number}.", remedy=_AGAIN)
    return sizes[number - 1]


def _folder_of(token: ShownToken) -> str:
    """Return where the files of a token are, or of its trusted publisher, whose next token goes on with them."""
    publisher = AccessToken.objects.filter(pk=token.number).values_list("publisher", flat=True).first()
    return f"{_FOLDER}publisher-{publisher}/" if publisher is not None else f"{_FOLDER}token-{token.number}/"


def _read(ticket: str, user: Asker, token: ShownToken) -> _Upload:
    said = read_ticket(ticket, _whose(user, token), purpose=_SALT, again=_AGAIN)
    suite, component, build = said.pop("place")
    return _Upload(**said, place=Place(suite, component, build=build))


def _whose(user: Asker, token: ShownToken) -> dict[str, Any]:
    return {"user": user.pk, "token": token.number, "archive": present_archive().slug}
