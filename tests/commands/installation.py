"""An installation of a test's own, whose commands and workers are real processes, most of them prepared."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from packages_app.core.home import SIGNING_KEY_FILE
from packages_app.core.locations import FolderStore
from packages_app.package_table.sqlite_table import SqlitePackageTable
from packages_app.signing.openpgp import generate_key, keep_key
from packages_app.stores.local_store import LocalObjectStore
from repomgr.processes import commands
from tests import prepared
from tests.commands.terminal import on_a_terminal
from tests.stack import REPOSITORY, write_definition

_SECONDS = 300


@dataclass(frozen=True)
class Installation:
    """A folder with settings, data and broker, and the settings that differ from the embedded column's."""

    home: Path
    settings: dict[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, home: Path, migrated: Path, **settings: str) -> Self:
        """Make a folder with one suite, a package that takes uploads, a copy of a database, table and buckets."""
        made = cls(home, settings)
        packages = home / "config" / "packages"
        packages.mkdir(parents=True)
        for name in ("repository.yaml", "packages/kiro-repo.yaml"):
            (home / "config" / name).write_bytes((REPOSITORY / "config" / name).read_bytes())
        made.define("tool", {"type": "build_script", "staging_prefix": "tool"})
        shutil.copy(migrated, home)
        if settings.keys() & {"PACKAGE_TABLE_URL", "BUCKET_URL", "STAGING_URL"}:
            done = made.manage("create_storage")
            assert done.returncode == 0, done.stderr
        else:
            SqlitePackageTable(home / "package_table.sqlite3").create()
            for name in ("bucket", "staging"):
                LocalObjectStore(FolderStore(home / name)).create()
            keep_key(home / SIGNING_KEY_FILE, lambda: generate_key("Archive"))
        return made

    def define(self, name: str, source: dict[str, str]) -> None:
        """Write a definition."""
        write_definition(self.home / "config", name, source)

    def with_settings(self, **settings: str) -> Installation:
        """The same folder under other settings."""
        return replace(self, settings={**self.settings, **settings})

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its processes."""
        aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
        return {
            "PATH": os.environ["PATH"],
            "REPOMGR_HOME": str(self.home),
            "REPOMGR_CONFIG": str(self.home / "config"),
            "PUBLIC_URL": "https://apt.example.org",
            "APT_CHECK": "off",
            "LOG_LEVEL": "ERROR",
            **aws,
            **self.settings,
        }

    def manage(self, *arguments: object, under: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, `under` another program where one is given."""
        command = (prepared.MANAGE, *map(str, arguments))
        if not under:
            return prepared.run(command, env=self._environment)
        return subprocess.run(
            (*under, sys.executable, *command), env=self._environment, cwd=REPOSITORY, capture_output=True, text=True,
            timeout=_SECONDS, check=False,
        )  # fmt: skip

    def manage_on_a_terminal(self, *arguments: object) -> tuple[int, str]:
        """Run a command to its end on a terminal; gives its exit code and what was shown."""
        return on_a_terminal((prepared.MANAGE, *arguments), self.environment)

    def python(self, code: str) -> str:
        """Run Python with Django set up; gives what it printed."""
        done = prepared.run(("-c", f"import django\ndjango.setup()\n{code}"), env=self._environment)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def jobs(self, *columns: str) -> list[tuple[Any, ...]]:
        """Return these columns of each job, oldest first, as the processes have written them."""
        with closing(sqlite3.connect(self.home / "django.sqlite3", timeout=_SECONDS)) as database:
            return database.execute(f"SELECT {', '.join(columns)} FROM packages_app_job ORDER BY created").fetchall()

    @contextmanager
    def workers(self, *names: str) -> Iterator[None]:
        """Run workers for the block, by the names that `repomgr.processes` has."""
        with ExitStack() as running, (self.home / "workers.log").open("a") as log:
            for name in names:
                command = commands("127.0.0.1", 8000, len(names))[name]
                running.enter_context(
                    prepared.process(command, env=self.environment, stdout=log, stderr=subprocess.STDOUT)
                )
            yield

    @property
    def _environment(self) -> dict[str, str]:
        return {**self.environment, "DJANGO_SETTINGS_MODULE": "repomgr.settings"}
