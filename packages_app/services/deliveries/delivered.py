"""Deliveries: files that a person uploads together and looks at before they are taken in, kept in staging.

A file lies at `uploads/PERSON/DELIVERY/FILE/NAME`, and its note, what was read of it when it came, at
`uploads/PERSON/DELIVERY/FILE.json`. What nobody takes in goes with other leftovers of staging.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import msgspec
from django.conf import settings

from packages_app.core.at_once import at_once
from packages_app.core.caution import Caution
from packages_app.core.checksums import Checksums, checksums_of_file
from packages_app.core.conflict import FileIdentity
from packages_app.core.errors import ObjectNotFound, PackageRefused, RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.core.storable_text import storable
from packages_app.debian.control import parse_control
from packages_app.debian.deb_file import DebContents, open_deb, read_deb
from packages_app.services import adapters
from packages_app.services.intake.cautions import content_cautions
from packages_app.services.intake.uploads import check_filename
from packages_app.services.rights.asker import Asker

MOST_FILES = 1000
"""So many files of a person may wait to be taken in, of ten times UPLOAD_LIMIT_BYTES together."""
_LIMITS_OF_BYTES = 10
LOOKED_INTO_BYTES = 16 * 1024 * 1024
"""Of larger files the content is looked at when they are taken in: a person waits for the answer to an upload."""
_NAME = re.compile(r"[0-9a-f]{32}\Z")
_NOTE = ".json"
_LONGEST_NAME = 200
_NOT_TAKEN = Checksums(0, "0" * 32, "0" * 40, "0" * 64, "0" * 128)
"""Stands for the digests of a file whose bytes are first read when it is taken in, and is as long."""


class TooManyFiles(RepomgrError):
    """So much that one person uploaded waits to be taken in already; no further file was kept."""

    code = "too_many_files"
    outcome = Outcome.TRY_AGAIN


@dataclass(frozen=True)
class Place:
    """Where somebody wants a file, and by which steps: "" and () for what its definition says."""

    suite: str = ""
    component: str = ""
    rollout: tuple[int, ...] = ()
    build: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why a file can't be taken in."""

    code: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message} Remedy: {self.remedy}"


@dataclass(frozen=True)
class Delivered:
    """A file as it came: its name, where it is to go, and what was read of it, or why that was refused.

    `key` is its place in staging, "" where it was not kept. `job` takes it in, once somebody has asked for that.
    `cautions` are those of its content; None where it is too large to be looked into at once. `is_hashed` is false of
    one of whose checksums the size alone is known.
    """

    number: str
    name: str
    place: Place
    key: str = ""
    refused: Refusal | None = None
    control: str = ""
    members: tuple[str, ...] = ()
    checksums: Checksums | None = None
    cautions: tuple[Caution, ...] | None = None
    job: str = ""
    is_hashed: bool = True

    @property
    def contents(self) -> DebContents:
        """What was read of a sound file."""
        return DebContents(parse_control(f"{self.control}\n"), self.control, self.members)

    @property
    def file_identity(self) -> FileIdentity:
        """What is known of a sound file's bytes."""
        known = self.checksums or _NOT_TAKEN
        return known.file_identity if self.is_hashed else FileIdentity(size=known.size)


def new_delivery() -> str:
    """Return the name of a delivery that nobody has."""
    return uuid4().hex


def read_file(path: Path, filename: str, place: Place) -> Delivered:
    """Return a file that a person sent as it came, refused where it is no package; nothing is kept."""
    came = named(filename, place)
    try:
        check_filename(filename)
    except RepomgrError as error:
        return refuse(came, error)
    return read_whole(came, path)


def named(filename: str, place: Place) -> Delivered:
    """Return a file of which the name is known, and nothing else."""
    return Delivered(new_delivery(), storable(filename, _LONGEST_NAME), place)


def read_whole(came: Delivered, path: Path) -> Delivered:
    """Return a file with what can be read of all its bytes, refused where they are no package."""
    try:
        contents = open_deb(path)
        small = path.stat().st_size <= LOOKED_INTO_BYTES
        cautions = tuple(content_cautions(path, contents, None)) if small else None
    except RepomgrError as error:
        return refuse(came, error)
    return replace(
        came, control=contents.control_text, members=contents.members, checksums=checksums_of_file(path),
        cautions=cautions,
    )  # fmt: skip


def read_head(came: Delivered, stream: BinaryIO, size: int) -> Delivered:
    """Return a file of `size` bytes with what its control member says, refused where it is no package."""
    try:
        contents = read_deb(stream, size)
    except RepomgrError as error:
        return refuse(came, error)
    return replace(
        came, control=contents.control_text, members=contents.members, checksums=replace(_NOT_TAKEN, size=size),
        is_hashed=False,
    )  # fmt: skip


def stage(came: Delivered, path: Path, delivery: str, user: Asker) -> Delivered:
    """Put a file into its delivery; return it with its key. Raise what the store raises."""
    staged = with_key(came, delivery, user)
    adapters.staging().put(staged.key, path)
    return staged


def with_key(came: Delivered, delivery: str, user: Asker) -> Delivered:
    """Return a file with its place in staging; raise `PackageRefused` for what names no delivery."""
    return replace(came, key=f"{_folder(delivery, user)}{came.number}/{came.name}")


def refuse(came: Delivered, error: RepomgrError) -> Delivered:
    """Return a file that is refused for an error."""
    return replace(came, refused=Refusal(error.code, error.message, error.remedy))


def keep(came: Delivered, delivery: str, user: Asker) -> None:
    """Keep what is known of a file."""
    adapters.staging().put(f"{_folder(delivery, user)}{came.number}{_NOTE}", msgspec.json.encode(came))


def kept(number: str, delivery: str, user: Asker) -> Delivered | None:
    """Return what is known of a file of a person's delivery; None where nothing was kept."""
    return _note(f"{_folder(delivery, user)}{number}{_NOTE}")


def delivered(delivery: str, user: Asker) -> list[Delivered]:
    """Return the files of a person's delivery, sorted by name; none of one that is another's, or swept.

    Raise `PackageRefused` for what names no delivery.
    """
    staging, folder = adapters.staging(), _folder(delivery, user)
    notes = [key for key, _ in staging.keys(folder) if key.endswith(_NOTE) and "/" not in key.removeprefix(folder)]
    found = at_once([partial(_note, key) for key in notes], staging.at_once)
    return sorted((came for came in found if came is not None), key=lambda came: (came.name, came.number))


def _note(key: str) -> Delivered | None:
    try:
        return msgspec.json.decode(adapters.staging().read(key), type=Delivered)
    except (ObjectNotFound, msgspec.DecodeError):  # swept meanwhile, or of another release
        return None


def discard(delivery: str, user: Asker) -> None:
    """Remove the files of a delivery that no job takes in, and their notes."""
    taken = {came.number for came in delivered(delivery, user) if came.job}
    folder = _folder(delivery, user)
    for key, _ in [*adapters.staging().keys(folder)]:
        if key.removeprefix(folder)[:32] not in taken:
            adapters.staging().delete(key)


def require_room(user: Asker, size: int) -> None:
    """Raise `TooManyFiles` where a person has no room for a file of `size` bytes more."""
    sizes = [size for key, size in adapters.staging().keys(folder_of(user)) if not key.endswith(_NOTE)]
    if len(sizes) >= MOST_FILES or sum(sizes) + size > _LIMITS_OF_BYTES * settings.UPLOAD_LIMIT_BYTES:
        raise TooManyFiles(
            f"{len(sizes)} files of {user.get_username()}, {sum(sizes)} bytes, wait to be taken in already.",
            remedy="Take them in, or discard them; what nobody takes in is swept.",
        )


def waiting(user: Asker) -> dict[str, int]:
    """Return how many files of a person wait in each of his deliveries."""
    folder = folder_of(user)
    keys: Collection[str] = [key.removeprefix(folder) for key, _ in adapters.staging().keys(folder)]
    names = [key.partition("/")[0] for key in keys if not key.endswith(_NOTE)]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def folder_of(user: Asker) -> str:
    """Return the folder of staging with all deliveries of a person."""
    return f"uploads/{user.pk or 0:032x}/"


def _folder(delivery: str, user: Asker) -> str:
    if not _NAME.match(delivery):
        raise PackageRefused(f"{delivery[:80]!r} names no upload.", remedy="Begin at Packages, Upload.")
    return f"{folder_of(user)}{delivery}/"
