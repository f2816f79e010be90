"""How far a migration has come, in a small file beside its backup: what a second run goes on from."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from packages_app.core.errors import BackupRefused

RUNNING, FINISHED = "running", "finished"


@dataclass(frozen=True)
class Journal:
    """Which table goes into which, and whether it has ended: `RUNNING` or `FINISHED`."""

    source: str
    target: str
    state: str


def journal_path(backup: Path) -> Path:
    """Return the journal's path for a backup's."""
    return backup.with_name(f"{backup.name}.progress")


def read_journal(backup: Path, source: str, target: str) -> Journal | None:
    """Return the journal beside a backup, or None; raise `BackupRefused` for one of another migration."""
    path = journal_path(backup)
    try:
        journal = Journal(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise BackupRefused(f"{path} can't be read: {error}.", remedy="Name another backup file.") from error
    if (journal.source, journal.target) != (source, target):
        raise BackupRefused(
            f"{backup} belongs to a migration from {journal.source} to {journal.target}.",
            remedy="Name another backup file.",
        )
    return journal


def write_journal(backup: Path, journal: Journal) -> None:
    """Write the journal, whole or not at all; raise `BackupRefused`."""
    path = journal_path(backup)
    draft = path.with_name(f"{path.name}.part")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            json.dump(asdict(journal), stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise BackupRefused(f"{path} can't be written: {error.strerror}.", remedy="Name another file.") from error
