"""Files and folders of a local store: their ETags, their modes, and what makes them last."""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Modes:
    """The modes of a store's files and folders, whatever the umask."""

    file: int
    folder: int


FOR_ALL = Modes(0o644, 0o755)
"""What clients read: a web server that is another user's may serve it."""
FOR_OWNER = Modes(0o600, 0o700)


def etag_of(status: os.stat_result) -> str:
    """Return a file's ETag: each write makes another inode with another time, so no two versions share one."""
    return f"{status.st_mtime_ns:x}-{status.st_size:x}-{status.st_ino:x}"


def status_of(path: Path | str) -> os.stat_result | None:
    """Return the status of a regular file; None when there is none."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def link_or_copy(source: Path, stream: BinaryIO, target: Path) -> None:
    """Return a file that nobody writes in place a second name, over what is there; or copy it where that can't be.

    `stream` is the file, opened.
    """
    link = target.with_suffix(".link")
    try:
        os.link(source, link)
        link.replace(target)
    except OSError:  # another file system or one without hard links, or no right to link another user's file
        copy_stream(stream, target)


def copy_stream(stream: BinaryIO, target: Path) -> None:
    """Write what is left of a stream to a file."""
    with target.open("wb") as copied:
        shutil.copyfileobj(stream, copied, _CHUNK_BYTES)


def make_folder(folder: Path, mode: int) -> None:
    """Make a folder and those above it, of this mode whatever the umask, to last over a power cut.

    Raise `FileExistsError` when one of them is a file.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent, mode)
    try:
        folder.mkdir()
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        folder.chmod(mode)
        sync(folder.parent)


def remove_before(folder: Path, moment: float) -> None:
    """Remove what stands in a folder and was put there before a moment (seconds since 1970), whole folders too.

    The inode's change tells: a new name of an old file has that file's own time of modification.
    """
    for path in folder.iterdir():
        with suppress(FileNotFoundError):
            if path.lstat().st_ctime < moment:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink()


def sync(path: Path) -> None:
    """Make a file's bytes, or a folder's names, last over a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
