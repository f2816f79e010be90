"""What a disk says when it takes nothing more, as errors of ours, and how much room is left on it."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})
_BROKEN = frozenset({errno.EIO, errno.ENXIO, errno.ENODEV, errno.ESTALE, errno.ETIMEDOUT, errno.EMFILE, errno.ENFILE})


class DiskFull(RepomgrError):
    """A disk has no room left, or no more than a quota allows."""

    code = "disk_full"
    outcome = Outcome.TRY_AGAIN

    def __init__(self, said: str) -> None:
        super().__init__(
            said,
            remedy="Make room: run manage.py sweep, remove what else is on that disk, or enlarge it. manage.py doctor"
            " says which disk is full; what waits goes on by itself then.",
        )


class DiskFailed(RepomgrError):
    """A disk, or a file on it, can't be written or read: it is read-only, another user's, or broken."""

    code = "disk_failed"

    def __init__(self, said: str) -> None:
        super().__init__(
            said,
            remedy="See whether the disk is mounted read-only or fails (dmesg), and whether the user that runs repomgr"
            " owns the file and its folder. manage.py doctor says what can't be written.",
        )


def disk_error(error: OSError) -> DiskFull | DiskFailed | None:
    """Return what an error of the system says of a disk; None for one that says nothing of it."""
    where = f" at {error.filename}" if error.filename else ""
    if error.errno in _FULL:
        return DiskFull(f"The disk is full{where}: {error.strerror}.")
    if error.errno in _FORBIDDEN:
        return DiskFailed(f"Nothing can be written{where}: {error.strerror}.")
    if error.errno in _BROKEN:
        return DiskFailed(f"The system fails{where}: {error.strerror}.")
    return None


def free_bytes(folder: Path) -> int:
    """Return the bytes that are free on the disk of a folder for who is not root; 0 where it can't be looked at."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 0
