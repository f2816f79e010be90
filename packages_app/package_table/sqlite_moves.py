"""Records brought into other suites in the embedded table's file, in a transaction that is under way."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from packages_app.core.builds import check_apart
from packages_app.core.document import document_of
from packages_app.core.errors import ObjectChanged, RecordNotFound
from packages_app.core.moving import NewSuites
from packages_app.core.record import PackageRecord
from packages_app.package_table.rules import changed_record
from packages_app.package_table.sqlite_builds import check_builds
from packages_app.package_table.sqlite_history import keep_changes
from packages_app.package_table.sqlite_records import add_pending, pending_in, read_record


def move_record(connection: sqlite3.Connection, move: NewSuites) -> PackageRecord:
    """Change a record's suites; raise `OtherBuild`, and `RecordNotFound`, `ObjectChanged` for one read otherwise."""
    changed = _changed(connection, move)
    _write(connection, [(move, changed)])
    return changed


def move_records(connection: sqlite3.Connection, moves: Sequence[NewSuites]) -> list[PackageRecord | None]:
    """Change the suites of records, of a key each; return them, None for one that is no longer as it was read.

    Raise `OtherBuild`.
    """
    check_apart(moves)
    changed = [_changed_if_same(connection, move) for move in moves]
    _write(connection, [(move, record) for move, record in zip(moves, changed, strict=True) if record is not None])
    return changed


def _changed(connection: sqlite3.Connection, move: NewSuites) -> PackageRecord:
    changed = changed_record(move.record, read_record(connection, move.record.key), move.suites, move.other_fields)
    if coming := move.coming:
        check_builds(connection, move.record, coming)
    return changed


def _changed_if_same(connection: sqlite3.Connection, move: NewSuites) -> PackageRecord | None:
    try:
        return _changed(connection, move)
    except (ObjectChanged, RecordNotFound):
        return None


def _write(connection: sqlite3.Connection, moved: Sequence[tuple[NewSuites, PackageRecord]]) -> None:
    connection.executemany(
        "UPDATE records SET document = ? WHERE package_id = ? AND architecture = ?",
        ((document_of(changed).decode(), *changed.key) for _, changed in moved),
    )
    touched = ((changed, {*move.record.suites, *changed.suites}) for move, changed in moved)
    add_pending(connection, (row for changed, suites in touched for row in pending_in(changed, suites)))
    keep_changes(connection, [(move.record.package_id, move.change) for move, _ in moved if move.change is not None])
