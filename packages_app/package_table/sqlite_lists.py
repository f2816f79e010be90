"""The lists of suites in the embedded table: made and filled in one transaction, and kept by the file itself."""

from __future__ import annotations

import sqlite3

LISTS = (
    """CREATE TABLE memberships (
        suite TEXT NOT NULL,
        package_id TEXT NOT NULL,
        architecture TEXT NOT NULL,
        PRIMARY KEY (suite, package_id, architecture)
    ) WITHOUT ROWID""",
    """CREATE TRIGGER record_added AFTER INSERT ON records BEGIN
        INSERT INTO memberships
        SELECT DISTINCT value, NEW.package_id, NEW.architecture FROM json_each(NEW.document, '$.suites');
    END""",
    """CREATE TRIGGER record_changed AFTER UPDATE ON records BEGIN
        DELETE FROM memberships WHERE package_id = OLD.package_id AND architecture = OLD.architecture
        AND suite IN (SELECT value FROM json_each(OLD.document, '$.suites'));
        INSERT INTO memberships
        SELECT DISTINCT value, NEW.package_id, NEW.architecture FROM json_each(NEW.document, '$.suites');
    END""",
    """CREATE TRIGGER record_removed AFTER DELETE ON records BEGIN
        DELETE FROM memberships WHERE package_id = OLD.package_id AND architecture = OLD.architecture
        AND suite IN (SELECT value FROM json_each(OLD.document, '$.suites'));
    END""",
    """INSERT INTO memberships
       SELECT DISTINCT suite.value, package_id, architecture
       FROM records, json_each(records.document, '$.suites') AS suite""",
)
"""What makes them: made and filled in one transaction, and kept by the file itself, whoever writes to it."""

_IN_SUITE = """SELECT document FROM memberships CROSS JOIN records USING (package_id, architecture)
WHERE memberships.suite = ?"""
_IN_SUITE_OF_MOST = """SELECT document FROM records WHERE EXISTS (
SELECT 1 FROM memberships WHERE memberships.suite = ?
AND memberships.package_id = records.package_id AND memberships.architecture = records.architecture)"""
"""The documents of a suite in the order of their keys. The second passes over all records, which takes half the time
of the first where most of them are the suite's."""


def has_lists(connection: sqlite3.Connection) -> bool:
    """Return whether the file has its lists of suites."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'memberships'").fetchone() is not None


def documents_query(connection: sqlite3.Connection, suite: str) -> str:
    """Return how a suite's documents are read; what finding it out costs is at most the suite's size."""
    (own,) = connection.execute("SELECT count(*) FROM memberships WHERE suite = ?", (suite,)).fetchone()
    most = 2 * own
    some = connection.execute("SELECT count(*) FROM (SELECT 1 FROM records LIMIT ?)", (most + 1,))
    return _IN_SUITE_OF_MOST if some.fetchone()[0] <= most else _IN_SUITE
