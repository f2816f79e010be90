"""A table's backup: one JSON document a line: a head, the items, and a tail that proves the file whole.

Items stand as the DynamoDB API has them, so that nothing is lost: `{"item": {"version": {"S": "1.0"}}}`, binary values
in base64. The head names table, time and key schema; the tail the number of items and the SHA256 of all lines before.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from packages_app.core.errors import BackupRefused
from packages_app.core.readable import why_unreadable
from packages_app.package_table.raw_table import RawItem, TableShape

_FORMAT = 1
_REMEDY = "Use the whole file, as the migration wrote it; the old table still has its records if the file is lost."


@dataclass(frozen=True)
class Backup:
    """A backup that was read whole: of which table, when (ISO 8601, UTC), its shape, its number of items."""

    path: Path
    table: str
    taken: str
    shape: TableShape
    count: int

    def items(self) -> Iterator[RawItem]:
        """Return the items in the file's order."""
        with self.path.open(encoding="utf-8") as stream:
            for line in stream:
                document = json.loads(line)
                if "item" in document:
                    yield _decoded(document["item"])


def write_backup(path: Path, table: str, shape: TableShape, items: Iterable[RawItem], now: datetime) -> Backup:
    """Write a backup, read it back and count it; a file that is there is never replaced.

    The file appears under its name only when it is whole. Raise `BackupRefused`.
    """
    draft = path.with_name(f"{path.name}.part")
    count, digest = 0, hashlib.sha256()
    try:
        with draft.open("w", encoding="utf-8") as stream:

            def write(document: dict[str, Any]) -> None:
                line = json.dumps(document, ensure_ascii=False) + "\n"
                digest.update(line.encode())
                stream.write(line)

            head = {"table": table, "taken": now.isoformat(timespec="seconds"), "shape": asdict(shape)}
            write({"repomgr_backup": _FORMAT, **head})
            for item in items:
                write({"item": _encoded(item)})
                count += 1
            write({"end": True, "items": count, "sha256": digest.hexdigest()})
            stream.flush()
            os.fsync(stream.fileno())
        draft.chmod(0o600)
        os.link(draft, path)
    except FileExistsError as error:
        raise taken(path) from error
    except OSError as error:
        raise BackupRefused(f"{path} can't be written: {error.strerror}.", remedy="Name another file.") from error
    finally:
        draft.unlink(missing_ok=True)
    backup = read_backup(path)
    if backup.count != count:
        raise BackupRefused(f"{path} holds {backup.count} records, {count} were written.", remedy="Check the disk.")
    return backup


def taken(path: Path) -> BackupRefused:
    """Return the error of a backup's name that is taken."""
    return BackupRefused(f"{path} is there already.", remedy="Name another file; a backup is never written over.")


def read_backup(path: Path) -> Backup:
    """Read a backup from its first line to its last; raise `BackupRefused` for one that is not whole."""
    digest = hashlib.sha256()
    head: dict[str, Any] = {}
    tail: dict[str, Any] = {}
    count = 0
    _check_readable(path)
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream):
                document = _document(path, number, line)
                if tail:
                    raise _refused(path, "goes on after its end")
                if number == 0:
                    head = document
                elif "item" in document:
                    count += 1
                elif document.get("end"):
                    tail = {**document, "found": digest.hexdigest()}
                digest.update(line)
    except OSError as error:
        raise BackupRefused(f"{path} can't be read: {error.strerror}.", remedy="Check its path and mode.") from error
    if head.get("repomgr_backup") != _FORMAT or not isinstance(head.get("shape"), dict):
        raise _refused(path, "is no backup of a package table")
    if not tail:
        raise _refused(path, f"is truncated: it ends after {count} records")
    if tail["items"] != count or tail["sha256"] != tail["found"]:
        raise _refused(path, "was changed after it was written")
    shape = head["shape"]
    return Backup(path, head["table"], head["taken"], TableShape(**{**shape, "keys": tuple(shape["keys"])}), count)


def _check_readable(path: Path) -> None:
    if why := why_unreadable(path):
        raise BackupRefused(f"{path} can't be read: {why}.", remedy="Check its path and mode.")


def _document(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except ValueError as error:
        what = f"is truncated or damaged at line {number + 1}" if number else "is no backup of a package table"
        raise _refused(path, what) from error
    if not isinstance(document, dict):
        raise _refused(path, "is no backup of a package table")
    return document


def _refused(path: Path, what: str) -> BackupRefused:
    return BackupRefused(f"{path} {what}.", remedy=_REMEDY)


def _encoded(value: Any) -> Any:
    """Return a JSON form of what the API's client gave."""
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _encoded(inner) for name, inner in value.items()}
    return [_encoded(inner) for inner in value] if isinstance(value, (list, tuple, set)) else value


def _decoded(item: dict[str, Any]) -> RawItem:
    return {name: _typed(value) for name, value in item.items()}


def _typed(value: dict[str, Any]) -> dict[str, Any]:
    [(kind, inner)] = value.items()
    if kind == "B":
        return {"B": base64.b64decode(inner)}
    if kind == "BS":
        return {"BS": [base64.b64decode(one) for one in inner]}
    if kind == "L":
        return {"L": [_typed(one) for one in inner]}
    if kind == "M":
        return {"M": {name: _typed(one) for name, one in inner.items()}}
    return value
