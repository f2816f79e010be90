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


def has_lists(connection: sqlite3.Connection) -> bool:
    """Return whether the file has its lists of suites."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'memberships'").fetchone() is not None
