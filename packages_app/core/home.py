"""The home: the folder with all that an installation keeps on its own machine, for its owner alone."""

from __future__ import annotations

import os
from pathlib import Path

from packages_app.core.disk import DiskFailed
from packages_app.core.errors import HomeMissing

FOLDER_MODE = 0o700
FILE_MODE = 0o600
UMASK = 0o077
"""Whatever the shell that starts a process says: SQLite's journals, messages and drafts are files like others."""
SETTINGS_FILE = "repomgr.env"
SECRET_KEY_FILE = "secret-key"  # noqa: S105 - a file's name
SIGNING_KEY_FILE = "signing-key.asc"
SIGNING_KEYS = "signing-keys"
FIRST_PASSWORD_FILE = "first-password"  # noqa: S105 - a file's name
DATABASE_FILE = "django.sqlite3"
TABLE_FILE = "package_table.sqlite3"
CONFIG = "config"
"""The configuration of a repository with a name of its own; without it the one that is shipped is used."""
TEMPLATES = "templates"
"""In a configuration: the templates of its bootstrap packages, which stand before ours."""
BUCKET, STAGING, BROKER, STATIC, CACHE, ENVIRONMENTS = "bucket", "staging", "broker", "static", "cache", "environments"
_SIGNS = (SECRET_KEY_FILE, SIGNING_KEY_FILE, DATABASE_FILE, TABLE_FILE, STATIC)


def is_home(folder: Path) -> bool:
    """Return whether a folder is a home: one of what a first start makes is in it."""
    return any(os.path.exists(folder / name) for name in _SIGNS)  # False too where we may not look


def make_home(folder: Path) -> bool:
    """Make a folder a home, where it is none; return whether it was made."""
    made = not is_home(folder)
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    (folder / STATIC).mkdir(mode=FOLDER_MODE, exist_ok=True)
    return made


def check_home(folder: Path) -> None:
    """Raise `HomeMissing` when a folder is no home, or another user's: nothing but a first start makes one.

    Raise `DiskFailed` where its disk is mounted read-only.
    """
    if folder.is_dir() and os.statvfs(folder).f_flag & os.ST_RDONLY:
        raise DiskFailed(f"The disk of the home {folder} is mounted read-only.")
    if folder.is_dir() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise HomeMissing(
            f"The home {folder} is another user's.", remedy="Run this as the user that the server runs as."
        )
    if not is_home(folder):
        what = "is not there" if not folder.exists() else "has nothing of an installation in it"
        raise HomeMissing(
            f"The home {folder} {what}.",
            remedy="Set REPOMGR_HOME, or REPOMGR_SETTINGS, to those of the server. A new home is made by `make up` or"
            " `manage.py first_start` alone.",
        )
