"""Room on the disks that an installation writes to: looked at by the doctor, and by the clock before one is full."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from packages_app.core.disk import DiskFull, free_bytes
from packages_app.core.locations import FolderStore, SqliteTable
from packages_app.models import Notice
from packages_app.services.archives import present_archive
from packages_app.services.notices.notify import notify, settle_notices, settle_unseen

_FORGOTTEN = timedelta(days=1)
"""Longer than the clock ever waits between two looks."""


@dataclass(frozen=True)
class Room:
    """What is free on one disk: `folder` is the first of ours that stands on it, `free` is in bytes."""

    folder: Path
    free: int

    @property
    def is_short(self) -> bool:
        """Return whether it is less than LEAST_FREE_BYTES."""
        return self.free < int(settings.LEAST_FREE_BYTES)

    @property
    def subject(self) -> str:
        """Return what a notice is about: other hosts have folders of the same names."""
        return f"{self.folder} on {socket.gethostname()}"

    def __str__(self) -> str:
        return f"{filesizeformat(self.free).replace(chr(0xA0), ' ')} free at {self.folder}"


def rooms() -> list[Room]:
    """Return the room on each disk of home, table, database, stores on this machine, and temporary files."""
    found: dict[int, Room] = {}
    for folder in map(_there, _folders()):
        found.setdefault(os.stat(folder).st_dev, Room(folder, free_bytes(folder)))
    return list(found.values())


def look_at_disks() -> str:
    """Return what is free on each disk; raise `DiskFull` when one is short of room."""
    all_of_them = rooms()
    if short := [room for room in all_of_them if room.is_short]:
        raise DiskFull(f"{_said(short)}, less than LEAST_FREE_BYTES.")
    return _said(all_of_them)


def watch_disks() -> list[str]:
    """Raise a notice for each disk that is short of room, settle the others'; return the folders that are short.

    Those of hosts and folders that nobody has looked at for a day are settled too.
    """
    short = []
    for room in rooms():
        if not room.is_short:
            settle_notices(Notice.Kind.DISK_NEARLY_FULL, room.subject)
            continue
        short.append(str(room.folder))
        full = DiskFull(f"{room}, less than LEAST_FREE_BYTES: before long nothing can be taken in or published.")
        notify(Notice.Kind.DISK_NEARLY_FULL, room.subject, full.message, remedy=full.remedy)
    settle_unseen(Notice.Kind.DISK_NEARLY_FULL, _FORGOTTEN)
    return short


def _folders() -> Iterator[Path]:
    yield settings.HOME
    archive = present_archive()
    if isinstance(archive.table, SqliteTable):
        yield archive.table.path.parent
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        yield Path(database["NAME"]).absolute().parent
    for store in (archive.bucket, archive.staging):
        if isinstance(store, FolderStore):
            yield store.path
    yield Path(tempfile.gettempdir())


def _there(folder: Path) -> Path:
    """Return a folder, or the nearest above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.is_dir())


def _said(found: list[Room]) -> str:
    return "; ".join(map(str, found))
