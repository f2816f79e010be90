"""What stands before a command or a process: the settings file, and the home that it works in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from packages_app.core.home import check_home, make_home
from repomgr import environment
from repomgr.settings_file import load_settings

MAKES_A_HOME = "first_start"
_NEED_NONE = ("check", "diffsettings", "findstatic", "help", "init", "makemigrations", "version")
_DJANGOS_THAT_CHANGE = (
    "axes_reset", "axes_reset_ip", "axes_reset_username", "changepassword", "createsuperuser", "dbshell", "flush",
    "loaddata", "remove_stale_contenttypes", "shell",
)  # fmt: skip
_STATE = ("PACKAGE_TABLE_URL", "BUCKET_URL", "STAGING_URL", "DATABASE_URL", "BROKER_URL")
_SECRETS = ("SECRET_KEY", "SIGNING_KEY")
_LOCAL = ("", "file", "sqlite", "filesystem")


def prepare_home(arguments: Sequence[str]) -> None:
    """Read the settings file, then make the home for a first start, and look for it for other commands of manage.py.

    Raise `SettingsError`, and `HomeMissing` where there is none; nothing is made then.
    """
    load_settings()
    name = arguments[1] if len(arguments) > 1 else "help"
    if name == MAKES_A_HOME and not _asks_for_help(arguments):
        make_home(environment.home())
    elif name not in _NEED_NONE and not name.startswith("-") and not _asks_for_help(arguments):
        look_for_home()


@contextmanager
def audited(arguments: Sequence[str]) -> Iterator[None]:
    """Let the block be a command of manage.py; those of Django's and axes' that change something have their line too.

    Commands of ours have a door of their own. Django has to be set up.
    """
    name = arguments[1] if len(arguments) > 1 else ""
    if name not in _DJANGOS_THAT_CHANGE or _asks_for_help(arguments):
        yield
        return
    from packages_app.services.audit.doors import command_door

    with command_door(name, _given(name, arguments[2:]), changes=True):
        yield


def _given(name: str, arguments: Sequence[str]) -> dict[str, object]:
    """Return what the trail keeps of a command's arguments: of a program that is given to a shell its digest alone."""
    if name not in ("shell", "dbshell"):
        return {"arguments": list(arguments)}
    said = " ".join(arguments).encode(errors="surrogateescape")
    return {"sha256": hashlib.sha256(said).hexdigest(), "characters": len(said)} if arguments else {}


def look_for_home() -> None:
    """Raise `HomeMissing` when the home is not there.

    Where table, stores, database, broker and keys are all elsewhere, it has caches alone, and an empty folder will do.
    """
    home = environment.home()
    if home.is_dir() and not _holds_state():
        make_home(home)
    check_home(home)


def _holds_state() -> bool:
    given = [environment.text(name, default="") for name in _STATE]
    needed = [name for name in _SECRETS if name not in environment.withheld()]
    return any(urlsplit(url).scheme in _LOCAL for url in given) or not all(
        environment.text(name, default="") for name in needed
    )


def _asks_for_help(arguments: Sequence[str]) -> bool:
    return "--help" in arguments or "-h" in arguments
