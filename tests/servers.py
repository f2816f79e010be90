"""Real servers on free ports, ended with certainty: moto over HTTP, Redis, PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_START_SECONDS = 60


def free_port() -> int:
    """Give a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], what: str, seconds: float = _START_SECONDS) -> None:
    """Wait until something is so; fails with its name after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def process(*command: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """Run a command for the block, in a process group that is ended with it."""
    running = subprocess.Popen(command, text=True, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, 9)
            running.wait()


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """The address of S3 and DynamoDB as moto plays them."""
    command = (sys.executable, "-m", "tests.moto_launcher")
    with process(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of a Redis of its own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = (program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    with process(*command, stdout=subprocess.DEVNULL):
        wait_until(lambda: listens(port), "redis")
        yield f"redis://127.0.0.1:{port}/0"


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a PostgreSQL of its own, with an empty database."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not programs:
        pytest.skip("postgresql is not installed")
    folder = programs[-1].parent
    home = Path(tempfile.mkdtemp(prefix="repomgr-postgres-"))
    # PostgreSQL refuses to run as root.
    user = {"user": "postgres"} if os.getuid() == 0 else {}
    if user:
        account = pwd.getpwnam("postgres")
        os.chown(home, account.pw_uid, account.pw_gid)
    port = free_port()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": home}
    try:
        initdb = [str(folder / "initdb"), "-D", str(home / "data"), "-U", "repomgr", "-A", "trust", "-E", "UTF8"]
        subprocess.run([*initdb, "--no-sync"], check=True, **user, **quiet)
        command = (str(folder / "postgres"), "-D", str(home / "data"), "-p", str(port), "-k", str(home))
        with process(*command, "-h", "127.0.0.1", **user, **quiet):
            wait_until(lambda: listens(port), "postgresql")
            createdb = [str(folder / "createdb"), "-h", "127.0.0.1", "-p", str(port), "-U", "repomgr", "repomgr"]
            wait_until(lambda: subprocess.run(createdb, check=False, **quiet).returncode == 0, "createdb")
            yield f"postgres://repomgr@127.0.0.1:{port}/repomgr"
    finally:
        shutil.rmtree(home, ignore_errors=True)
