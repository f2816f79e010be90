"""The first administrator and the password made for it: kept in a private file, and shown where a person watches.

What a process without a terminal prints stays in a log, of a container or of systemd, for whoever may read that.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model

from packages_app.core.home import FILE_MODE, FIRST_PASSWORD_FILE
from packages_app.core.ports import Progress

ADMIN_NAME = "admin"


@dataclass(frozen=True)
class FirstPassword:
    """A password that was made: kept in `file`, and `shown` to the person who watches; None and "" where none was."""

    shown: str = ""
    file: Path | None = None


def ensure_admin(progress: Progress, *, watched: bool) -> FirstPassword:
    """Make the first administrator where there is none; return where its password is to be seen.

    A file of an earlier start goes once nobody signs in with what stands there. Raise `OSError` for a home that can't
    be written; no administrator is made then.
    """
    users = get_user_model()
    if users.objects.filter(is_superuser=True).exists():
        _look_at_kept(progress)
        return FirstPassword()
    password = secrets.token_urlsafe(12)
    made = FirstPassword(shown=password if watched else "", file=_keep(password))
    users.objects.create_superuser(ADMIN_NAME, password=password)
    return made


def _keep(password: str) -> Path:
    path: Path = settings.HOME / FIRST_PASSWORD_FILE
    path.unlink(missing_ok=True)  # of a start that ended before there was an administrator
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "w", encoding="ascii") as stream:
        stream.write(f"{password}\n")
    return path


def _look_at_kept(progress: Progress) -> None:
    path: Path = settings.HOME / FIRST_PASSWORD_FILE
    try:
        kept = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return
    admin = get_user_model().objects.filter(username=ADMIN_NAME).first()
    if admin is not None and admin.check_password(kept):
        progress.note(f"the password in {path} still serves: sign in, and change it", level="warning")
    else:
        path.unlink()
        progress.note(f"removed {path}: its password serves no more")
