"""The tests' database: SQLite in memory, filled from one that the first process of a run has migrated."""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from tests.shared_server import locked


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, django_db_blocker: Any, run_folder: Path) -> Iterator[None]:
    """Make the database of this process, in place of pytest-django's, which would migrate one for each."""
    migrated = run_folder / "migrated.sqlite3"
    name = connection.settings_dict["NAME"]
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = "file:tests?mode=memory&cache=shared"
        with locked(run_folder / "migrating", fcntl.LOCK_EX):
            if migrated.exists():
                _copy(migrated, connection)
            else:
                call_command("migrate", verbosity=0)
                _keep(connection, migrated)
    yield
    with django_db_blocker.unblock():
        connection.close()
        connection.settings_dict["NAME"] = name


def _keep(database: Any, file: Path) -> None:
    database.ensure_connection()
    with closing(sqlite3.connect(file)) as target:
        database.connection.backup(target)


def _copy(file: Path, database: Any) -> None:
    database.ensure_connection()
    with closing(sqlite3.connect(file)) as source:
        source.backup(database.connection)
