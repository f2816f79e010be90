"""Uploads that a browser sends straight to staging: we sign each part's address, and look at the file once it is there.

Nothing of them is in the database: a signed ticket, which the browser keeps, names the upload, and whose it is.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

import structlog

from packages_app.core.direct_upload import PART_BYTES, DirectUploads, PartsDiffer, part_sizes
from packages_app.core.errors import PackageRefused, RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.deliveries.delivered import (
    LOOKED_INTO_BYTES,
    Delivered,
    Place,
    TooManyFiles,
    folder_of,
    keep,
    kept,
    named,
    read_head,
    read_whole,
    require_room,
    with_key,
)
from packages_app.services.deliveries.preview import Fate, Judged, judged_for
from packages_app.services.deliveries.tickets import TICKET_SECONDS, give_ticket, read_ticket
from packages_app.services.intake.uploads import check_filename, check_size
from packages_app.services.rights.asker import Asker

MOST_BEGUN = 10
"""So many uploads of a person may be under way: the page sends one at a time; a browser that crashed leaves one."""
_SALT = "direct-upload"

log = structlog.get_logger(__name__)


class NoDirectUploads(RepomgrError):
    """Browsers send nothing to this staging store: STAGING_UPLOAD_URL is not set, or it is a folder."""

    code = "no_direct_uploads"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class Begun:
    """What a browser needs to send a file: its ticket, and how many bytes each part but the last has."""

    ticket: str
    part_bytes: int
    parts: int


@dataclass(frozen=True)
class _Upload:
    """What a ticket says."""

    came: Delivered
    delivery: str
    upload: str
    size: int


def server_for_browsers() -> str:
    """Return where browsers send files of the archive that was entered; "" where they go through the web process."""
    return present_archive().staging_upload_url if adapters.direct_uploads() is not None else ""


def begin(filename: str, size: int, delivery: str, place: Place, user: Asker, *, now: datetime | None = None) -> Begun:
    """Begin the upload of a file of `size` bytes to a person's delivery; `now` is the time in UTC where it is another.

    Raise `NoDirectUploads`, `PackageRefused` for a name or size that no package may have, `TooManyFiles`, and what the
    store raises.
    """
    uploads = _uploads()
    check_filename(filename)
    check_size(filename, size)
    require_room(user, size)
    _require_few(uploads, user, now or adapters.now())
    came = with_key(named(filename, place), delivery, user)
    said = {
        "number": came.number, "name": came.name, "key": came.key,
        "place": asdict(place), "delivery": delivery, "size": size, "upload": uploads.begin_parts(came.key),
    }  # fmt: skip
    log.info("direct_upload_begun", key=came.key, size=size)
    return Begun(give_ticket(said, _whose(user), purpose=_SALT), PART_BYTES, len(part_sizes(size)))


def address_of_part(ticket: str, number: int, user: Asker) -> str:
    """Return the address to which a person's browser sends a part of an upload.

    Raise `NoDirectUploads`, `TicketRefused`, `TicketExpired`, `PackageRefused` for a part that the file does not have.
    """
    uploads, said = _uploads(), _read(ticket, user)
    sizes = part_sizes(said.size)
    if not 1 <= number <= len(sizes):
        raise PackageRefused(f"The file has {len(sizes)} parts, and no part {number}.", remedy="Begin again.")
    return uploads.part_address(said.came.key, said.upload, number, sizes[number - 1])


def complete(ticket: str, user: Asker) -> tuple[str, Judged]:
    """Make a file of the parts of a person's upload and look at it; return the delivery and its fate.

    Done again it is looked at again. A file that is refused is noted with its reason, and its bytes are removed. Raise
    `PartsMissing`, after which these may be sent; `PartsDiffer` and `UploadGone`, nothing is kept then;
    `TicketRefused`, `TicketExpired`, `NoDirectUploads`, and what the store raises.
    """
    uploads, said = _uploads(), _read(ticket, user)
    came = kept(said.came.number, said.delivery, user)
    if came is None:
        came = _taken(uploads, said)
        [judged] = judged_for([came], user)
        if judged.fate is Fate.REFUSED:
            adapters.staging().delete(came.key)
            came = replace(came, key="", refused=judged.refused)
        keep(came, said.delivery, user)
        log.info("direct_upload_completed", key=said.came.key, size=said.size, fate=judged.fate.value)
    [judged] = judged_for([came], user)
    return said.delivery, judged


def abort(ticket: str, user: Asker) -> None:
    """Remove what came of a person's upload that is not complete; raise `TicketRefused`, `NoDirectUploads`."""
    uploads, said = _uploads(), _read(ticket, user)
    uploads.abort_parts(said.came.key, said.upload)
    log.info("direct_upload_aborted", key=said.came.key)


def _taken(uploads: DirectUploads, said: _Upload) -> Delivered:
    """Return what is read of a file that was completed just now: of a large one no more than its head."""
    try:
        uploads.complete_parts(said.came.key, said.upload, said.size)
    except PartsDiffer:
        uploads.abort_parts(said.came.key, said.upload)
        raise
    if said.size <= LOOKED_INTO_BYTES:
        with adapters.staging().as_local_file(said.came.key) as path:
            return read_whole(said.came, path)
    with uploads.open_anywhere(said.came.key, said.size) as stream:
        return read_head(said.came, stream, said.size)


def _uploads() -> DirectUploads:
    uploads = adapters.direct_uploads()
    if uploads is None:
        raise NoDirectUploads(
            "Files do not go straight to staging here.",
            remedy="Upload by the form; STAGING_UPLOAD_URL makes them go to a staging bucket.",
        )
    return uploads


def _require_few(uploads: DirectUploads, user: Asker, now: datetime) -> None:
    """Remove uploads of a person whose tickets have expired; raise `TooManyFiles` where many are under way."""
    earliest = now - timedelta(seconds=TICKET_SECONDS)
    begun = uploads.begun_below(folder_of(user))
    for old in [each for each in begun if each.begun < earliest]:
        uploads.abort_parts(old.key, old.upload)
        begun.remove(old)
    if len(begun) >= MOST_BEGUN:
        raise TooManyFiles(
            f"{len(begun)} uploads of {user.get_username()} are under way already.",
            remedy=f"Let them end; one that was left is forgotten after {TICKET_SECONDS // 3600} hours.",
        )


def _read(ticket: str, user: Asker) -> _Upload:
    again = "Choose the file on the upload page again."
    said = read_ticket(ticket, _whose(user), purpose=_SALT, again=again)
    place = Place(**{**said["place"], "rollout": tuple(said["place"]["rollout"])})
    came = Delivered(said["number"], said["name"], place, said["key"])
    return _Upload(came, said["delivery"], said["upload"], said["size"])


def _whose(user: Asker) -> dict[str, object]:
    return {"user": user.pk, "archive": present_archive().slug}
