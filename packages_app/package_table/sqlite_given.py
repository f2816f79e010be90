"""What each suite's clients were given last, in the embedded table.

A file of an earlier release gets the place for it with the first note, so that no publication waits for
`create_storage`.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

from packages_app.core.last_given import LastGiven
from packages_app.package_table.rules import given_by_another

_PLACE = """CREATE TABLE IF NOT EXISTS given (
    suite TEXT PRIMARY KEY,
    date INTEGER NOT NULL,
    fingerprint TEXT NOT NULL
) WITHOUT ROWID"""


def read_given(connection: sqlite3.Connection, suite: str) -> LastGiven | None:
    """Return what a suite's clients were given last, None when nothing is known."""
    if not _has_place(connection):
        return None
    row = connection.execute("SELECT date, fingerprint FROM given WHERE suite = ?", (suite,)).fetchone()
    return LastGiven(datetime.fromtimestamp(row[0], UTC), row[1]) if row else None


def read_all_given(connection: sqlite3.Connection) -> dict[str, LastGiven | None]:
    """Return what was given last by suite, None of one that only an earlier release has published."""
    suites = {row[0] for row in connection.execute("SELECT suite FROM releases WHERE digests != ''")}
    if _has_place(connection):
        suites |= {row[0] for row in connection.execute("SELECT suite FROM given")}
    return {suite: read_given(connection, suite) for suite in sorted(suites)}


def _has_place(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'given'").fetchone() is not None


def keep_given(connection: sqlite3.Connection, suite: str, given: LastGiven, before: LastGiven | None) -> None:
    """Write it in the transaction under way; raise `ObjectChanged` when what is there is not `before`."""
    connection.execute(_PLACE)
    if read_given(connection, suite) not in (before, given):
        raise given_by_another(suite)
    seconds = int(given.date.timestamp())
    connection.execute("REPLACE INTO given VALUES (?, ?, ?)", (suite, seconds, given.fingerprint))
