"""Starting the servers: each gives the address that repomgr's settings take."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from packages_app.core.child_environment import child_environment
from repomgr.servers.process import ServerMissing, free_port, listens, process, wait_until

_QUIET: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


@contextmanager
def moto_server(module: str = "repomgr.servers.moto") -> Iterator[str]:
    """Play S3 and DynamoDB in memory; return their endpoint. `module` prints its port. Raise `ServerMissing`."""
    if find_spec("moto") is None:
        raise ServerMissing("moto is not installed: it comes with the development dependencies (make test, or .dev).")
    command = (sys.executable, "-m", module)
    with process(*command, env=child_environment("PYTHONPATH"), **{**_QUIET, "stdout": subprocess.PIPE}) as server:
        assert server.stdout is not None  # noqa: S101 - it was asked for above
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"


@contextmanager
def redis_server() -> Iterator[str]:
    """Start Redis in memory; return its address. Raise `ServerMissing`."""
    program = shutil.which("redis-server")
    if program is None:
        raise ServerMissing("redis-server is not installed: apt install redis-server, or set BROKER_URL.")
    port = free_port()
    command = (program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with process(*command, env=child_environment(), **_QUIET):
        wait_until(lambda: listens(port), "redis")
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgresql_server() -> Iterator[str]:
    """Start PostgreSQL on data of its own with an empty database; return its address. Raise `ServerMissing`."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        raise ServerMissing("postgresql is not installed: apt install postgresql, or set DATABASE_URL.")
    folder = programs[-1].parent
    home = Path(tempfile.mkdtemp(prefix="repomgr-postgres-"))
    options: dict[str, Any] = {**_QUIET, "cwd": home, **_unprivileged(home)}
    environment = child_environment()
    port = free_port()
    try:
        initdb = [str(folder / "initdb"), "-D", str(home / "data"), "-U", "repomgr", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--no-sync"], check=True, env=environment, **options)
        # Nothing of it outlives this machine's failure, so nothing waits for the disk.
        careless = ("-F", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")
        command = (str(folder / "postgres"), "-D", str(home / "data"), "-p", str(port), "-k", str(home), *careless)
        # Asked by SIGTERM it would wait for its clients, and be killed (postgres(1)).
        with process(*command, "-h", "127.0.0.1", end=signal.SIGINT, env=environment, **options):
            wait_until(lambda: listens(port), "postgresql")
            createdb = [str(folder / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "repomgr", "repomgr"]
            run = partial(subprocess.run, createdb, check=False, env=environment, **_QUIET)
            wait_until(lambda: run().returncode == 0, "createdb")
            yield f"postgres://repomgr@127.0.0.1:{port}/repomgr"
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _unprivileged(home: Path) -> dict[str, Any]:
    """Return the user to run as: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    os.chown(home, account.pw_uid, account.pw_gid)
    return {"user": "postgres"}
