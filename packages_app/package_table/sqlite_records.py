"""Records as the embedded table's file holds them, and their pending changes, in a transaction that is under way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from packages_app.core.document import document_of, record_in
from packages_app.core.ports import Written
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.suite_change import is_purged
from packages_app.package_table.rules import outcome_of_taken_key
from packages_app.package_table.sqlite_builds import check_builds
from packages_app.package_table.sqlite_history import read_purged

_PUT = "INSERT {}INTO records VALUES (?, ?, ?, ?, ?)"
"""Half the time of ON CONFLICT DO NOTHING: what the trigger does can't fail then, so no copies are kept to undo it."""


def read_record(connection: sqlite3.Connection, key: TableKey) -> PackageRecord | None:
    """Return the record of a key, None where there is none."""
    query = "SELECT document FROM records WHERE package_id = ? AND architecture = ?"
    row = connection.execute(query, key).fetchone()
    return record_in(row[0]) if row else None


Row = tuple[str, str, str, str, str]
"""A record as a row of the file has it."""


def rows_of(records: Sequence[PackageRecord]) -> list[Row]:
    """Return the rows of records; raise `InvalidVersion`."""
    return [(*record.key, record.package_name, record.version_key, document_of(record).decode()) for record in records]


def put_records(connection: sqlite3.Connection, records: Sequence[PackageRecord], rows: Sequence[Row]) -> list[Written]:
    """Write the rows of records whose keys are not there: all at once where none is, else one by one.

    Raise `VersionConflict`, `VersionPurged` for the first that was purged, and `OtherBuild`.
    """
    for key, change in read_purged(connection, [record.key for record in records]).items():
        raise is_purged(key, change)
    outcomes = _put_all(connection, records, rows)
    for record, outcome in zip(records, outcomes, strict=True):
        if outcome is Written.ADDED:  # beside the others of the batch, so after them
            check_builds(connection, record, record.suites)
    return outcomes


def _put_all(connection: sqlite3.Connection, records: Sequence[PackageRecord], rows: Sequence[Row]) -> list[Written]:
    connection.execute("SAVEPOINT before")
    if connection.executemany(_PUT.format("OR IGNORE "), rows).rowcount == len(rows):
        return [Written.ADDED] * len(rows)
    connection.execute("ROLLBACK TO before")
    outcomes = []
    for record, row in zip(records, rows, strict=True):
        known = read_record(connection, record.key)
        if known is None:
            connection.execute(_PUT.format(""), row)
        outcomes.append(Written.ADDED if known is None else outcome_of_taken_key(record, known))
    return outcomes


def pending_in(record: PackageRecord, suites: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the rows of a record's pending changes in suites."""
    return [(suite, *record.key) for suite in sorted(suites)]


def add_pending(connection: sqlite3.Connection, pending: Iterable[tuple[str, str, str]]) -> None:
    """Write rows of pending changes."""
    connection.executemany("INSERT INTO changes (suite, package_id, architecture) VALUES (?, ?, ?)", pending)
