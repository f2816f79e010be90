"""The embedded package table: one SQLite file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from packages_app.core.document import record_in
from packages_app.core.last_given import LastGiven
from packages_app.core.moving import NewSuites
from packages_app.core.ports import Lease, PendingChange, Written
from packages_app.core.record import PackageRecord, TableKey, make_package_id
from packages_app.core.suite_change import Known, SuiteChange
from packages_app.package_table.packed_text import check_size
from packages_app.package_table.rules import lease_busy, lease_lost, suites_changed
from packages_app.package_table.sqlite_file import BUSY_SECONDS, SqliteFile
from packages_app.package_table.sqlite_given import keep_given, read_all_given, read_given
from packages_app.package_table.sqlite_history import keep_changes, keep_purged, read_changes, read_purged
from packages_app.package_table.sqlite_lists import LISTS, documents_query, has_lists
from packages_app.package_table.sqlite_moves import move_record, move_records
from packages_app.package_table.sqlite_records import add_pending, pending_in, put_records, read_record, rows_of

_PAGE_BYTES = 16384
"""Of new files. A record fits into a page beside others; at 4096 each had an overflow page of its own."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    package_id TEXT NOT NULL,
    architecture TEXT NOT NULL,
    package_name TEXT NOT NULL,
    version_key TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (package_id, architecture)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_name ON records (package_name, version_key, architecture);
CREATE TABLE IF NOT EXISTS leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    fence INTEGER NOT NULL,
    expires REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS changes (
    token INTEGER PRIMARY KEY AUTOINCREMENT,
    suite TEXT NOT NULL,
    package_id TEXT NOT NULL,
    architecture TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS by_suite ON changes (suite);
CREATE TABLE IF NOT EXISTS releases (
    suite TEXT PRIMARY KEY,
    digests TEXT NOT NULL
) WITHOUT ROWID;
"""

_PROBED = "-probe"
"""No suite is named so."""
_PROBE_BYTES = 16 * 1024
"""More than fits into the room that a full file may have inside."""


class SqlitePackageTable(SqliteFile):
    """Fulfils `core.ports.PackageTable`. Each call has a connection of its own, so threads and forks are safe."""

    most_suites: int | None = None

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__(path)
        self._clock = clock

    def create(self) -> bool:
        """Make the file and its tables where they are missing."""
        made = not self._path.exists()
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS)
            try:
                connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
                connection.execute("PRAGMA journal_mode=WAL")
                connection.executescript(_SCHEMA)
            finally:
                connection.close()
        except (OSError, sqlite3.Error) as error:
            raise self._unavailable("create", error) from error
        return self._list_suites() or made

    def _list_suites(self) -> bool:
        """Make the lists of suites where they are missing; True when they were made."""
        with self._connection("create", write=True) as connection:
            if has_lists(connection):
                return False
            for statement in LISTS:
                connection.execute(statement)
        return True

    def suites_are_listed(self) -> bool:
        """Return whether the file has its lists of suites."""
        with self._connection("suites_are_listed") as connection:
            return has_lists(connection)

    def probe(self) -> str:
        """Write an item of the probe's own, and remove it."""
        with self._connection("probe", write=True) as connection:
            connection.execute("SELECT 1 FROM records LIMIT 1").fetchone()
            connection.execute("REPLACE INTO leases VALUES (?, ?, 0, 0)", (_PROBED, "-" * _PROBE_BYTES))
        with self._connection("probe", write=True) as connection:
            connection.execute("DELETE FROM leases WHERE name = ?", (_PROBED,))
        return f"SQLite file {self._path.name} can be written"

    def put_new(self, record: PackageRecord, change: SuiteChange | None = None) -> Written:
        """Write a record unless its key is there."""
        return self.put_many_new([record], () if change is None else (change,))[0]

    def put_many_new(self, records: Sequence[PackageRecord], changes: Sequence[SuiteChange] = ()) -> list[Written]:
        """Write records in one transaction: all of them, or none when one is a conflict."""
        for record in records:
            check_size(record)
        rows = rows_of(records)
        with self._connection("put_new", write=True) as connection:
            outcomes = put_records(connection, records, rows)
            added = [number for number, outcome in enumerate(outcomes) if outcome is Written.ADDED]
            add_pending(
                connection, (row for number in added for row in pending_in(records[number], records[number].suites))
            )
            keep_changes(connection, [(records[number].package_id, changes[number]) for number in added if changes])
        return outcomes

    def purge(self, record: PackageRecord, change: SuiteChange) -> None:
        """Remove a record that is in no suite, and refuse its key for ever."""
        with self._connection("purge", write=True) as connection:
            known = read_record(connection, record.key)
            if known is None and read_purged(connection, [record.key]):
                return
            if known is None or known.suites:
                raise suites_changed(record, known)
            connection.execute("DELETE FROM records WHERE package_id = ? AND architecture = ?", record.key)
            keep_purged(connection, record.key, change)

    def look_up(self, keys: Collection[TableKey]) -> Known:
        """Read the records of these keys, and what purged others of them, as they are at one moment."""
        with self._connection("look_up") as connection:
            connection.execute("BEGIN")
            records = {key: record for key in keys if (record := read_record(connection, key)) is not None}
            purged = read_purged(connection, keys)
            connection.execute("COMMIT")
        return records, purged

    def get_many(self, keys: Collection[TableKey]) -> dict[TableKey, PackageRecord]:
        """Read the records of these keys, as they are at one moment."""
        return self.look_up(keys)[0]

    def set_suites(
        self,
        record: PackageRecord,
        suites: Iterable[str],
        change: SuiteChange | None = None,
        *,
        other_fields: str | None = None,
    ) -> PackageRecord:
        """Change a record's suites if they are still those of `record`."""
        with self._connection("set_suites", write=True) as connection:
            return move_record(connection, NewSuites(record, tuple(suites), change, other_fields))

    def set_suites_of_many(self, moves: Sequence[NewSuites]) -> list[PackageRecord | None]:
        """Change the suites of records in one transaction."""
        with self._connection("set_suites_of_many", write=True) as connection:
            return move_records(connection, moves)

    def suite_changes_of(self, name: str, version: str) -> list[SuiteChange]:
        """Return what was kept of the changes of a version's suites, oldest first."""
        with self._connection("suite_changes_of") as connection:
            return read_changes(connection, make_package_id(name, version))

    def histories_of(self, versions: Sequence[tuple[str, str]]) -> list[list[SuiteChange]]:
        """Return what was kept of the changes of versions' suites, by one connection."""
        with self._connection("histories_of") as connection:
            return [read_changes(connection, make_package_id(*one)) for one in versions]

    def get(self, name: str, version: str, built_for: str) -> PackageRecord | None:
        """Read one record."""
        with self._connection("get") as connection:
            return read_record(connection, (make_package_id(name, version), built_for))

    def versions_of(self, name: str) -> Iterator[PackageRecord]:
        """Return all records of a name, oldest version first."""
        query = "SELECT document FROM records WHERE package_name = ? ORDER BY version_key, architecture"
        with self._connection("versions_of") as connection:
            for (document,) in connection.execute(query, (name,)):
                yield record_in(document)

    def newest_of(self, name: str) -> PackageRecord | None:
        """Return a record of the newest version of a name."""
        query = "SELECT document FROM records WHERE package_name = ? ORDER BY version_key DESC, architecture LIMIT 1"
        with self._connection("newest_of") as connection:
            row = connection.execute(query, (name,)).fetchone()
        return record_in(row[0]) if row else None

    def all_records(self) -> Iterator[PackageRecord]:
        """Return every record once, as they are at one moment."""
        with self._connection("all_records") as connection:
            for (document,) in connection.execute("SELECT document FROM records"):
                yield record_in(document)

    def records_of(self, suite: str) -> Iterator[PackageRecord]:
        """Yield every record of a suite once, as they are at one moment."""
        for document in self.documents_of(suite):
            yield record_in(document)

    def documents_of(self, suite: str) -> Iterator[bytes]:
        """Yield the document of every record of a suite once, by key, as they are at one moment."""
        with self._connection("records_of") as connection:
            connection.text_factory = bytes
            if has_lists(connection):
                yield from (
                    document for (document,) in connection.execute(documents_query(connection, suite), (suite,))
                )
            else:
                every = connection.execute("SELECT document FROM records")
                yield from (document for (document,) in every if suite in record_in(document).suites)

    def pending_changes_of(self, suite: str) -> list[PendingChange]:
        """Return the pending changes of a suite."""
        query = "SELECT package_id, architecture, token FROM changes WHERE suite = ?"
        with self._connection("pending_changes_of") as connection:
            rows = connection.execute(query, (suite,))
            return [PendingChange((name, place), str(token)) for name, place, token in rows]

    def remove_pending_changes(self, suite: str, changes: Sequence[PendingChange]) -> None:
        """Remove just these."""
        tokens = [(suite, int(change.token)) for change in changes]
        with self._connection("remove_pending_changes", write=True) as connection:
            connection.executemany("DELETE FROM changes WHERE suite = ? AND token = ?", tokens)

    def releases_of(self, suite: str) -> tuple[str, ...]:
        """Return the digests that were last kept."""
        with self._connection("releases_of") as connection:
            row = connection.execute("SELECT digests FROM releases WHERE suite = ?", (suite,)).fetchone()
        return tuple(row[0].split()) if row else ()

    def keep_releases(self, suite: str, digests: Sequence[str]) -> None:
        """Keep which Releases show all of this table but for the pending changes."""
        with self._connection("keep_releases", write=True) as connection:
            connection.execute("REPLACE INTO releases VALUES (?, ?)", (suite, " ".join(digests)))

    def last_given(self, suite: str) -> LastGiven | None:
        """Return what was last kept of what a suite's clients were given."""
        with self._connection("last_given") as connection:
            return read_given(connection, suite)

    def suites_given(self) -> dict[str, LastGiven | None]:
        """Return what was kept of each suite."""
        with self._connection("suites_given") as connection:
            return read_all_given(connection)

    def keep_last_given(self, suite: str, given: LastGiven, *, before: LastGiven | None) -> None:
        """Keep what a suite's clients are about to be given, where it is still `before`."""
        with self._connection("keep_last_given", write=True) as connection:
            keep_given(connection, suite, given, before)

    def take_lease(self, name: str, holder: str, seconds: float) -> Lease:
        """Take a lease that is free, expired, or this holder's own."""
        now = self._clock()
        with self._connection("take_lease", write=True) as connection:
            row = connection.execute("SELECT holder, fence, expires FROM leases WHERE name = ?", (name,)).fetchone()
            known_holder, fence, expires = row or ("", 0, 0.0)
            if expires > now and known_holder != holder:
                raise lease_busy(name, known_holder, expires - now)
            lease = Lease(name, holder, fence + 1, now + seconds)
            connection.execute("REPLACE INTO leases VALUES (?, ?, ?, ?)", (name, holder, lease.fence, lease.expires))
        return lease

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Extend a lease that is still ours by its fence."""
        renewed = Lease(lease.name, lease.holder, lease.fence, self._clock() + seconds)
        if not self._set_expiry("renew_lease", lease, renewed.expires):
            raise lease_lost(lease)
        return renewed

    def release_lease(self, lease: Lease) -> None:
        """Let go of a lease, its fence remembered."""
        self._set_expiry("release_lease", lease, 0.0)

    def _set_expiry(self, operation: str, lease: Lease, expires: float) -> bool:
        query = "UPDATE leases SET expires = ? WHERE name = ? AND holder = ? AND fence = ? AND expires > 0"
        with self._connection(operation, write=True) as connection:
            changed = connection.execute(query, (expires, lease.name, lease.holder, lease.fence))
            return changed.rowcount == 1
