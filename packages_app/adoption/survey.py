"""What was seen of a repository, kept on disk: memory stays the same however many stanzas there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from packages_app.core.conflict import FileIdentity
from packages_app.core.record import PackageRecord

_SCHEMA = """
PRAGMA journal_mode=OFF;
PRAGMA synchronous=OFF;
CREATE TABLE seen (package_id TEXT, architecture TEXT, sha256 TEXT, size INTEGER, number INTEGER,
PRIMARY KEY (package_id, architecture))
WITHOUT ROWID;
CREATE TABLE left_out (package_id TEXT, architecture TEXT, sha256 TEXT, PRIMARY KEY (package_id, architecture, sha256))
WITHOUT ROWID;
CREATE TABLE files (key TEXT PRIMARY KEY, size INTEGER) WITHOUT ROWID;
BEGIN;
"""
"""The one transaction never ends: nobody reads the file afterwards."""

LeftOut = tuple[str, str, str]
"""A record that is not taken over: its key, and the SHA256 of its file."""


def left_out_as(record: PackageRecord) -> LeftOut:
    """Return what `Survey.left_out` has of a record that is left out."""
    return (*record.key, record.sha256_hash)


class Survey:
    """Remembers SHA256 and size of every package seen, and the sizes of pool files that are there."""

    def __init__(self, folder: Path) -> None:
        self._rows = sqlite3.connect(folder / "survey.sqlite3", isolation_level=None)
        self._rows.executescript(_SCHEMA)
        self._count = 0

    def close(self) -> None:
        """Close the file."""
        self._rows.close()

    def see(self, records: Sequence[PackageRecord]) -> list[FileIdentity | None]:
        """Take note of records; return for each None the first time, later what its stanza said of its file then."""
        numbers = range(self._count, self._count + len(records))
        self._count += len(records)
        rows = [(*record.key, *record.file_identity, number) for record, number in zip(records, numbers, strict=True)]
        added = self._rows.executemany("INSERT OR IGNORE INTO seen VALUES (?, ?, ?, ?, ?)", rows)
        if added.rowcount == len(records):
            return [None] * len(records)
        return [self._before(record, number) for record, number in zip(records, numbers, strict=True)]

    def _before(self, record: PackageRecord, number: int) -> FileIdentity | None:
        query = "SELECT sha256, size, number FROM seen WHERE package_id = ? AND architecture = ?"
        sha256, size, first = self._rows.execute(query, record.key).fetchone()
        return None if first == number else FileIdentity(sha256, size)

    @property
    def packages(self) -> int:
        """Return how many packages were seen."""
        (count,) = self._rows.execute("SELECT count(*) FROM seen").fetchone()
        return int(count)

    def leave_out(self, record: PackageRecord) -> None:
        """Take note that a record must not be taken over."""
        self._rows.execute("INSERT OR IGNORE INTO left_out VALUES (?, ?, ?)", left_out_as(record))

    def left_out(self) -> frozenset[LeftOut]:
        """Return what was noted to be left out."""
        return frozenset(self._rows.execute("SELECT package_id, architecture, sha256 FROM left_out"))

    def keep_files(self, files: Iterable[tuple[str, int]]) -> None:
        """Take note of pool files and their sizes in bytes."""
        self._rows.executemany("INSERT OR REPLACE INTO files VALUES (?, ?)", files)

    def size_of(self, key: str) -> int | None:
        """Return the size of a pool file; None when it is not there."""
        row = self._rows.execute("SELECT size FROM files WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row else None
