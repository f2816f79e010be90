"""Whether a path is a file that can be read, told before it is opened: opening a pipe would wait for its other end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from packages_app.core.errors import FileUnreadable

_KINDS = {
    stat.S_IFDIR: "it is a folder",
    stat.S_IFIFO: "it is a pipe",
    stat.S_IFSOCK: "it is a socket",
    stat.S_IFCHR: "it is a device",
    stat.S_IFBLK: "it is a device",
}


def why_unreadable(path: Path) -> str:
    """Return why a path, links followed, is no file that we may read; "" when it is one."""
    try:
        status = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError) and os.path.islink(path):
            return f"it is a link to {os.readlink(path)}, which is not there"
        return "it is not there" if isinstance(error, FileNotFoundError) else (error.strerror or str(error))
    if not stat.S_ISREG(status.st_mode):
        return _KINDS.get(stat.S_IFMT(status.st_mode), "it is no file")
    return "" if os.access(path, os.R_OK) else "this user may not read it"


def check_readable(path: Path) -> None:
    """Raise `FileUnreadable`, which names the path and why, where it is no file that we may read."""
    if why := why_unreadable(path):
        raise FileUnreadable(f"{path} can't be read: {why}.", remedy="Check the path and the file's mode.")
