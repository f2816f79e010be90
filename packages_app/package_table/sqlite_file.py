"""The file of the embedded package table: connections to it, and what its errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from tenacity import retry_if_exception_type

from packages_app.core.errors import TableMissing, TableUnavailable
from packages_app.core.retry import NO_PAUSE, retrying

BUSY_SECONDS = 30.0

log = structlog.get_logger(__name__)


class SqliteFile:
    """One SQLite file. Each call has a connection of its own, so threads and forks are safe."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def _connection(self, operation: str, *, write: bool = False) -> Iterator[sqlite3.Connection]:
        """Return a connection for the block; a write's transaction is committed at its end, undone on an error."""
        connection = self._open(operation)
        try:
            if write:
                connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT") if write else None
        except sqlite3.Error as error:
            raise self._unavailable(operation, error) from error
        finally:
            connection.close()

    def _open(self, operation: str) -> sqlite3.Connection:
        if not self._path.exists():
            raise self._missing()

        def failed(number: int, _error: BaseException) -> None:
            log.warning("table_call_failed", operation=operation, table=self._path.name, attempt=number)

        try:
            return retrying(NO_PAUSE, retry_if_exception_type(sqlite3.Error), failed=failed)(self._connect)
        except sqlite3.Error as error:
            raise self._unavailable(operation, error) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    def _missing(self) -> TableMissing:
        return TableMissing(f"There is no package table at {self._path}.", remedy="Run manage.py create_storage.")

    def _unavailable(self, operation: str, error: Exception) -> TableMissing | TableUnavailable:
        if "no such table" in str(error):
            return self._missing()
        return TableUnavailable(
            f"The package table {self._path} failed at {operation}: {error}.",
            remedy="Check the disk, the file's owner and its mode, then try again.",
        )
