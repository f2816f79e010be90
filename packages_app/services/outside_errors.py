"""What database, broker and disk say when they fail, as errors of ours: each with a code, its cause and the remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django.db
import kombu.exceptions
from django.conf import settings

from packages_app.core.disk import DiskFailed, DiskFull, disk_error, free_bytes
from packages_app.core.errors import RepomgrError, ServiceUnavailable

_DATABASE_FULL = "SQLITE_FULL"
_FILE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_FILE_FAILS = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_NOTADB")
_WAL_BYTES = 64 * 1024
"""A little more than what SQLite needs beside its file before it reads a row (sqlite.org, "WAL-mode File Format")."""
_DISK_FULL = "53100"
_ROLLED_BACK = "40"
_PASSING_CLASSES = ("08", "53", "55P03", "57P")
"""Connection, resources, a lock that is held, an operator's shutdown; `_ROLLED_BACK` is a deadlock, or the like
(PostgreSQL manual, "Error Codes")."""
_READ_ONLY = "25006"


@contextmanager
def told_as_ours() -> Iterator[None]:
    """Raise what database, broker and disk raise in the block as `RepomgrError`; other errors stay what they are."""
    try:
        yield
    except Exception as error:
        # Within a transaction, who began it ends it: dropping the connection here would end it for a mere refusal.
        if isinstance(error, django.db.Error) and not django.db.connection.in_atomic_block:
            django.db.connection.close_if_unusable_or_obsolete()  # a lost one would stay so, also for what comes next
        told = error_told(error)
        if told is None or told is error:
            raise
        raise told from error


def error_told(error: Exception) -> RepomgrError | None:
    """Return the error of ours that an error of database, broker or disk is; None for one of the program's own.

    One of ours is itself.
    """
    if isinstance(error, RepomgrError):
        return error
    if isinstance(error, django.db.OperationalError | django.db.InterfaceError | django.db.InternalError):
        return _of_database(error)
    if isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError):
        return _of_sqlite(error, "SQLite", None)
    cause = error.__cause__ or error.__context__
    if isinstance(error, kombu.exceptions.OperationalError | kombu.exceptions.ChannelError):
        if isinstance(cause, OSError) and (told := disk_error(cause)) is not None:
            return told
        return ServiceUnavailable(
            f"The broker does not answer: {error}.", remedy="Check BROKER_URL, that the server runs, and its disk."
        )
    return disk_error(error) if isinstance(error, OSError) else None


def is_passing(error: BaseException) -> bool:
    """Return whether a database may do the next moment what it has not done now.

    PostgreSQL may, which is away or has rolled a transaction back; SQLite has waited for its lock long enough already.
    """
    if isinstance(error.__cause__, sqlite3.Error) or not isinstance(error, django.db.Error):
        return False
    return isinstance(error_told(error), ServiceUnavailable)


def _of_database(error: Exception) -> RepomgrError | None:
    cause = error.__cause__
    if isinstance(cause, sqlite3.Error):
        file = Path(settings.DATABASES["default"]["NAME"])
        return _of_sqlite(cause, f"The database {file}", file.parent)
    state = str(getattr(cause, "sqlstate", None) or "")
    if state == _DISK_FULL:
        return DiskFull(f"The database server's disk is full: {_line(error)}.")
    if state == _READ_ONLY:
        return DiskFailed(f"The database can't be written: {_line(error)}.")
    if state.startswith(_ROLLED_BACK):
        return ServiceUnavailable(
            f"The database gave a transaction up for another: {_line(error)}.",
            remedy="Try again: nothing of it was done. If it stays, look for what writes to the database besides.",
        )
    # Without a state no answer came at all. The others are statements that the server refuses: faults of ours.
    if not state or state.startswith(_PASSING_CLASSES):
        return ServiceUnavailable(
            f"The database does not answer: {_line(error)}.", remedy="Check DATABASE_URL and that the server runs."
        )
    return None


def _of_sqlite(error: sqlite3.Error, what: str, folder: Path | None) -> RepomgrError | None:
    """Return what SQLite says of its file; None for a statement that it does not take (result codes of sqlite.org)."""
    name = str(getattr(error, "sqlite_errorname", ""))
    said = f"{what} failed: {error}."
    if name == _DATABASE_FULL:
        return DiskFull(said)
    if name.startswith(_FILE_FAILS):
        # A full disk can't hold the file that readers of a WAL share, which SQLite tells as one that it can't open.
        full = folder is not None and free_bytes(folder) < _WAL_BYTES
        return DiskFull(said) if full else DiskFailed(said)
    if name.startswith(_FILE_BUSY):
        return ServiceUnavailable(
            f"{what} is locked by another process: {error}.",
            remedy="Try again; if it stays, look for a process that holds it (a backup, a shell).",
        )
    return None


def _line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")
