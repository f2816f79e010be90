"""What only its owner may read: the home, databases and keys in it or elsewhere, staging, the settings file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from packages_app.core import home
from packages_app.core.locations import FolderStore, SqliteTable
from packages_app.core.ports import Progress
from packages_app.services.archives import in_each, present_archive

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_BESIDE = ("", "-wal", "-shm", "-journal")
"""SQLite's files beside a database, which have its mode when it makes them."""
_TREES = (home.SIGNING_KEYS, home.STAGING, home.BROKER, home.CACHE, home.ENVIRONMENTS)
"""Folders of the home that are private with all that is in them. The bucket's files are for all who reach them."""


@dataclass(frozen=True)
class OpenPath:
    """A file or folder that others than its owner may read, write or enter; `mode` is its permission bits."""

    path: Path
    mode: int
    private_mode: int

    def __str__(self) -> str:
        return f"{self.path} has mode {self.mode:04o}"


def paths_open_to_others() -> Iterator[OpenPath]:
    """Yield what is private and open to others: the home first, whose mode decides about all that is in it."""
    for path in _private_paths():
        status = _status(path)
        if status is None or not status.st_mode & _OTHERS:
            continue
        is_folder = stat.S_ISDIR(status.st_mode)
        # Of a file that is a public object too (a hard link), nothing is private.
        if is_folder or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1):
            mode = stat.S_IMODE(status.st_mode)
            yield OpenPath(path, mode, mode & ~_OTHERS)


def close_to_others(progress: Progress) -> int:
    """Take the rights of others away, as earlier releases left them, and say so; return how many paths had some.

    What belongs to another user, and a folder that all may write to, such as /tmp, is named and left as it is.
    """
    closed, left = [], []
    for found in list(paths_open_to_others()):
        try:
            if found.mode & stat.S_ISVTX:
                raise PermissionError
            found.path.chmod(found.private_mode)
        except OSError:
            left.append(found)
        else:
            closed.append(found)
    if closed:
        progress.note(
            f"{len(closed)} files and folders were open to other users and are their owner's alone now: {closed[0]}"
            f"{', …' if len(closed) > 1 else ''}. A web server of another user that reads {home.BUCKET}/ in the home"
            " needs it elsewhere: BUCKET_URL."
        )
    for found in left:
        progress.note(f"{found}, and could not be changed", level="warning")
    return len(closed) + len(left)


def _private_paths() -> Iterator[Path]:
    base: Path = settings.HOME
    yield base
    keys = (home.SECRET_KEY_FILE, home.SIGNING_KEY_FILE, home.FIRST_PASSWORD_FILE)
    yield from (base / name for name in (*keys, home.SETTINGS_FILE, home.STATIC))
    database, archives = settings.DATABASES["default"], in_each(present_archive)
    tables = [base / home.DATABASE_FILE, base / home.TABLE_FILE]
    if "sqlite" in database["ENGINE"]:
        tables.append(Path(database["NAME"]))
    tables += [archive.table.path for archive in archives if isinstance(archive.table, SqliteTable)]
    for path in dict.fromkeys(tables):
        yield from (path.with_name(path.name + ending) for ending in _BESIDE)
    for name in _TREES:
        yield from _tree(base / name)
    for archive in archives:
        if archive.home != base:
            yield from (archive.home, archive.signing_key_file)
        if isinstance(archive.staging, FolderStore) and archive.staging.path != base / home.STAGING:
            yield archive.staging.path
    file = settings.SETTINGS_FILE
    if file is not None and settings.SETTINGS_FILE_IS_SECRET and file != base / home.SETTINGS_FILE:
        yield file


def _tree(folder: Path) -> Iterator[Path]:
    """Yield a folder and all below it; links are not followed."""
    yield folder
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.lstat() if path != settings.HOME else path.stat()
    except OSError:
        return None
