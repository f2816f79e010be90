"""The history of records in the embedded table: what changed a version's suites, and which were purged.

A file of an earlier release gets the place for either with the first change.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from packages_app.core.record import TableKey
from packages_app.core.suite_change import SuiteChange, read_from, written_as

_PLACE = (
    """CREATE TABLE IF NOT EXISTS suite_changes (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        package_id TEXT NOT NULL,
        document TEXT NOT NULL
    )""",
    "CREATE INDEX IF NOT EXISTS suite_changes_by_package ON suite_changes (package_id)",
)

_TOMBSTONES = """CREATE TABLE IF NOT EXISTS purged (
    package_id TEXT NOT NULL,
    architecture TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (package_id, architecture)
) WITHOUT ROWID"""


def keep_changes(connection: sqlite3.Connection, changes: Sequence[tuple[str, SuiteChange]]) -> None:
    """Write changes, each with the `package_id` of its version, in the transaction under way."""
    if not changes:
        return
    for statement in _PLACE:
        connection.execute(statement)
    connection.executemany(
        "INSERT INTO suite_changes (package_id, document) VALUES (?, ?)",
        ((package_id, written_as(change)) for package_id, change in changes),
    )


def read_changes(connection: sqlite3.Connection, package_id: str) -> list[SuiteChange]:
    """Return a version's changes, oldest first."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'suite_changes'").fetchone() is None:
        return []
    query = "SELECT document FROM suite_changes WHERE package_id = ? ORDER BY number"
    return [read_from(document) for (document,) in connection.execute(query, (package_id,))]


def keep_purged(connection: sqlite3.Connection, key: TableKey, change: SuiteChange) -> None:
    """Write a tombstone and its change in the transaction under way."""
    connection.execute(_TOMBSTONES)
    connection.execute("INSERT INTO purged VALUES (?, ?, ?)", (*key, written_as(change)))
    keep_changes(connection, [(key[0], change)])


def were_purged(connection: sqlite3.Connection, package_id: str) -> bool:
    """Return whether any record of a version was purged."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'purged'").fetchone() is None:
        return False
    return connection.execute("SELECT 1 FROM purged WHERE package_id = ?", (package_id,)).fetchone() is not None


def read_purged(connection: sqlite3.Connection, keys: Iterable[TableKey]) -> dict[TableKey, SuiteChange]:
    """Return what purged those of these keys that were."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'purged'").fetchone() is None:
        return {}
    query = "SELECT document FROM purged WHERE package_id = ? AND architecture = ?"
    rows = ((key, connection.execute(query, key).fetchone()) for key in keys)
    return {key: read_from(row[0]) for key, row in rows if row is not None}
