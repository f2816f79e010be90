"""The documents of the embedded package table: every version a row of its own.

A file of an earlier release gets the place for them with the first version.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from packages_app.core.documents import ConfigurationOutdated, Document, check_size, read_document, written_document
from packages_app.package_table.sqlite_file import SqliteFile

_PLACE = """CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL,
    UNIQUE (name, version)
)"""
_NEWEST = "SELECT document FROM documents WHERE name = ? ORDER BY version DESC LIMIT 1"
_ALL = "SELECT document, max(version) FROM documents GROUP BY name ORDER BY name"


class SqliteDocuments(SqliteFile):
    """Fulfils `core.documents.Documents`."""

    def mark(self) -> str:
        """Return the newest row, its number and its text, which differs in a file that was put in this one's place."""
        with self._connection("documents_mark") as connection:
            if not _has_place(connection):
                return ""
            row = connection.execute("SELECT number, document FROM documents ORDER BY number DESC LIMIT 1").fetchone()
        return f"{row[0]} {row[1]}" if row else ""

    def documents(self) -> list[Document]:
        """Return the newest version of each document that is there."""
        return [document for document in self._all() if not document.removed]

    def removed(self) -> list[Document]:
        """Return the newest version of each document that is there no more."""
        return [document for document in self._all() if document.removed]

    def _all(self) -> list[Document]:
        with self._connection("documents") as connection:
            rows = connection.execute(_ALL).fetchall() if _has_place(connection) else ()
        return [read_document(row[0]) for row in rows]

    def document(self, name: str) -> Document | None:
        """Return the newest version of a document."""
        with self._connection("document") as connection:
            return _newest(connection, name) if _has_place(connection) else None

    def versions_of(self, name: str) -> list[Document]:
        """Return every version of a document."""
        query = "SELECT document FROM documents WHERE name = ? ORDER BY version"
        with self._connection("document_versions") as connection:
            rows = connection.execute(query, (name,)).fetchall() if _has_place(connection) else ()
        return [read_document(row[0]) for row in rows]

    def put(self, document: Document) -> None:
        """Write a version where the one before it is the newest."""
        check_size(document)
        with self._connection("put_document", write=True) as connection:
            connection.execute(_PLACE)
            if not _put(connection, document):
                raise ConfigurationOutdated(document.name, document.version - 1, _newest(connection, document.name))

    def put_many(self, documents: Sequence[Document]) -> list[Document]:
        """Write versions in one transaction; return those whose place was taken."""
        for document in documents:
            check_size(document)
        with self._connection("put_documents", write=True) as connection:
            connection.execute(_PLACE)
            return [document for document in documents if not _put(connection, document)]


def _put(connection: sqlite3.Connection, document: Document) -> bool:
    """Write a version where the one before it is the newest; return whether it stands there then."""
    current = _newest(connection, document.name)
    if current == document:
        return True
    if (current.version if current else 0) != document.version - 1:
        return False
    row = (document.name, document.version, written_document(document))
    connection.execute("INSERT INTO documents (name, version, document) VALUES (?, ?, ?)", row)
    return True


def _newest(connection: sqlite3.Connection, name: str) -> Document | None:
    row = connection.execute(_NEWEST, (name,)).fetchone()
    return read_document(row[0]) if row else None


def _has_place(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'documents'").fetchone() is not None
