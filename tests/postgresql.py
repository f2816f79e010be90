"""Django's database on PostgreSQL: a copy of one that was migrated once, and the product upon it.

`python -m tests.postgresql` runs pytest with such a database for each process, in place of SQLite (`make
test-postgresql`): those of the named tests that touch Django's database.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.db import connection

from packages_app.core.home import make_home
from repomgr.servers.start import postgresql_server
from tests import prepared
from tests.shared_server import locked

REPOSITORY = Path(__file__).resolve().parent.parent
_MIGRATED = "migrated"
_PRINTED = "printed: "


@dataclass(frozen=True)
class OnPostgresql:
    """A home, and the address of the database that its settings name."""

    home: Path
    url: str

    def manage(self, *arguments: str) -> str:
        """Run manage.py to its end, which must be good; return what it printed."""
        done = prepared.run((prepared.MANAGE, *arguments), env=self._environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def run(self, code: str) -> Any:
        """Run a program that calls `tell` with what it has found, and return that; what JSON holds."""
        return _told(self.manage("shell", "--no-imports", "-c", _program(code)))

    def at_once(self, *programs: str) -> list[Any]:
        """Run programs side by side; return what each has told, None for one that told nothing."""
        running = [self.start(code) for code in programs]
        said = [process.communicate() for process in running]
        for process, (_, errors) in zip(running, said, strict=True):
            assert process.returncode == 0, errors
        return [_told(output) for output, _ in said]

    def start(self, code: str) -> prepared.PreparedProcess:
        """Start such a program."""
        command = (prepared.MANAGE, "shell", "--no-imports", "-c", _program(code))
        return prepared.start(command, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "DATABASE_URL": self.url, "REPOMGR_HOME": str(self.home)}


def _program(code: str) -> str:
    return f"import json\ndef tell(what): print({_PRINTED!r} + json.dumps(what))\n{code}"


def _told(output: str) -> Any:
    said = output.rpartition(_PRINTED)[2] if _PRINTED in output else "null"
    return json.loads(said.splitlines()[0])


def at(url: str, database: str) -> str:
    """Return the address of another database of a server."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def copied(url: str, name: str, template: str = _MIGRATED) -> str:
    """Copy a database of a server, to which nobody is connected; return the copy's address."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    return at(url, name)


def migrate(url: str, home: Path) -> None:
    """Make the database that others are copied of, migrated as a user's is."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {_MIGRATED}")
    make_home(home)
    OnPostgresql(home, at(url, _MIGRATED)).manage("migrate", "--verbosity", "0")


@pytest.fixture(scope="session")
def migrated_postgres(run_folder: Path, postgres_url: str) -> str:
    """The address of a PostgreSQL that has the migrated database for tests to copy."""
    home = run_folder / "postgresql-home"
    with locked(run_folder / "migrating-postgresql", fcntl.LOCK_EX):
        if not home.exists():
            migrate(postgres_url, home)
    return postgres_url


@pytest.fixture
def on_postgresql(migrated_postgres: str, tmp_path: Path) -> OnPostgresql:
    """The product with a database of PostgreSQL of this test's own, and a home without a table or stores."""
    home = tmp_path / "on-postgresql"
    make_home(home)
    return OnPostgresql(home, copied(migrated_postgres, f"t{uuid.uuid4().hex}"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out of a run on PostgreSQL what touches no database, or brings its own, and stores that are no folders."""
    if connection.vendor != "postgresql":
        return
    own = {"on_postgresql", "on_sqlite", "postgres_url", "migrated", "moto", "ministack"}
    kept, left = [], []
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        touches = {"db", "transactional_db"} & names or item.get_closest_marker("django_db")
        alone = touches and not own & names and "s3" not in item.name
        (kept if alone else left).append(item)
        if "world" in names:  # its forked processes see what is committed alone
            item.add_marker(pytest.mark.django_db(transaction=True))
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def _main(arguments: list[str]) -> int:
    with postgresql_server() as url, TemporaryDirectory() as folder:
        migrate(url, Path(folder) / "home")
        environment = {**os.environ, "TEST_DATABASE_URL": url}
        command = [sys.executable, "-m", "pytest", *arguments]
        return subprocess.run(command, check=False, cwd=REPOSITORY, env=environment).returncode


if __name__ == "__main__":
    raise SystemExit(_main(sys.argv[1:]))
