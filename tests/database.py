"""The tests' database: SQLite in memory, filled from one that the first process of a run has migrated.

Or, where TEST_DATABASE_URL is set, a database of each process on that PostgreSQL, copied from one that was migrated.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from packages_app.core.home import make_home
from tests import prepared
from tests.postgresql import copied
from tests.shared_server import locked


@pytest.fixture(scope="session")
def migrated(run_folder: Path) -> Path:
    """The file of an empty database, migrated as a user's is, for a test to copy into its home."""
    file = run_folder / "migrated" / "django.sqlite3"
    with locked(run_folder / "migrating", fcntl.LOCK_EX):
        if not file.exists():
            with TemporaryDirectory(dir=run_folder) as home:
                make_home(Path(home))
                environment = {**os.environ, "REPOMGR_HOME": home, "LOG_LEVEL": "ERROR"}
                done = prepared.run((prepared.MANAGE, "migrate", "--verbosity", "0"), env=environment)
                assert done.returncode == 0, done.stderr
                with closing(sqlite3.connect(Path(home) / file.name)) as database:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                file.parent.mkdir()
                shutil.move(Path(home) / file.name, file)
    return file


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, request: pytest.FixtureRequest, worker_id: str
) -> Iterator[None]:
    """Make the database of this process, in place of pytest-django's, which would migrate one for each."""
    name = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        if connection.vendor == "postgresql":
            url = copied(os.environ["TEST_DATABASE_URL"], f"tests_{worker_id}")
            connection.settings_dict["NAME"] = urlsplit(url).path[1:]
        else:
            connection.settings_dict["NAME"] = "file:tests?mode=memory&cache=shared"
            _copy(request.getfixturevalue("migrated"), connection)
        _empty_all_the_same(connection)
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = name


def _empty_all_the_same(database: Any) -> None:
    """Let Django empty the tables after a test of transactions: those of the audit trail can't be emptied otherwise."""
    flush = database.ops.sql_flush

    def sql_flush(style: Any, tables: Any, **named: Any) -> list[str]:
        emptying = flush(style, tables, **named)
        if database.vendor == "postgresql":
            return ["SET session_replication_role = replica", *emptying, "SET session_replication_role = DEFAULT"]
        with database.cursor() as cursor:
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            triggers = cursor.fetchall()
        return [*(f"DROP TRIGGER {name}" for name, _ in triggers), *emptying, *(sql for _, sql in triggers)]

    database.ops.sql_flush = sql_flush


@pytest.fixture
def on_sqlite() -> None:
    """Keep a test to SQLite, whose words it reads: a run on PostgreSQL leaves it out."""


@contextmanager
def database_in(folder: Path, migrated: Path) -> Iterator[Path]:
    """Let Django's database be a migrated file in a folder for the block, in place of the one in memory; give its path.

    For tests of what a disk, or another process, does to it; on SQLite, outside of any transaction. Django keeps the
    content types that it has read for good: their numbers are others in each database that was emptied in between.
    """
    file = folder / migrated.name
    shutil.copyfile(migrated, file)
    kept = connection.connection, connection.settings_dict["NAME"]
    connection.connection, connection.settings_dict["NAME"] = None, str(file)
    ContentType.objects.clear_cache()
    try:
        yield file
    finally:
        connection.close()
        connection.connection, connection.settings_dict["NAME"] = kept
        ContentType.objects.clear_cache()


def _copy(file: Path, database: Any) -> None:
    database.ensure_connection()
    with closing(sqlite3.connect(file)) as source:
        source.backup(database.connection)
