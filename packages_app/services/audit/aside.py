"""Lines that the database did not take: kept in a file of the home, and taken into the trail as soon as it does."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import structlog
from django.conf import settings

from packages_app.core.disk import disk_error
from packages_app.core.errors import RepomgrError
from packages_app.core.home import is_home
from packages_app.models import AuditEntry

FILE = "audit-aside.jsonl"

log = structlog.get_logger(__name__)


class AuditUnwritten(RepomgrError):
    """A line of the audit trail could be kept nowhere; what it tells of may be done."""

    code = "audit_unwritten"


def aside_file() -> Path:
    """Return the file of lines that wait to be taken into the trail."""
    return Path(settings.HOME) / FILE


def keep_aside(entry: AuditEntry, why: Exception) -> None:
    """Keep a line that the database did not take, and log all of it; raise `AuditUnwritten` where no file takes it.

    Where there is no home yet, the log alone has it: nothing is installed whose trail it would be.
    """
    line = {name: str(getattr(entry, name)) for name in ("happened", *AuditEntry.SAID)}
    log.error("audit_aside", error=str(why).strip(), **{name: value for name, value in line.items() if value})
    if not is_home(Path(settings.HOME)):
        return
    try:
        with _locked("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        told = disk_error(error)
        raise AuditUnwritten(
            f"A line of the audit trail ({entry}, {entry.result}) is in the log alone: {told or error}.",
            remedy="What it tells of may be done: see the log, event audit_aside. Make room, and mend the database.",
        ) from error


def waiting_aside() -> int:
    """Return how many lines wait in the file."""
    try:
        with aside_file().open(encoding="utf-8") as file:
            return sum(1 for _ in file)
    except FileNotFoundError:
        return 0


@contextmanager
def taken_back() -> Iterator[list[AuditEntry]]:
    """Give the lines of the file, which is emptied where the block did not raise; nobody adds to it meanwhile."""
    if not aside_file().exists():
        yield []
        return
    with _locked("r+") as file:
        yield [_entry(json.loads(line)) for line in file if line.endswith("\n")]
        file.truncate(0)


@contextmanager
def _locked(mode: str) -> Iterator[IO[str]]:
    with aside_file().open(mode, encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _entry(line: dict[str, str]) -> AuditEntry:
    happened = datetime.fromisoformat(line.pop("happened")).astimezone(UTC)
    return AuditEntry(happened=happened, **line)
