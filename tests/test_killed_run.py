"""A test run or a product that is killed leaves no process behind; processes of a run share their servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from repomgr.servers.process import bound_to_us, free_port, listens, wait_until
from tests.commands.installation import Installation
from tests.stack import REPOSITORY

RUN = """
import time
from pathlib import Path

import pytest

from repomgr.servers.start import redis_server


@pytest.mark.parametrize("number", range(2))
def test_with_servers(moto, redis_url, number):
    with redis_server() as own:
        told = Path(__file__).parent / f"addresses{number}.part"
        told.write_text(" ".join((moto, redis_url, own)))
        told.rename(told.with_suffix(".txt"))
        time.sleep(600)
"""


def test_the_servers_of_a_run_that_is_killed_end(tmp_path):
    (tmp_path / "test_run.py").write_text(RUN)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:django", "-p", "tests.servers", "-n", "2"]
    command += ["--basetemp", str(tmp_path / "base"), "--rootdir", str(tmp_path), "-c", "pytest.ini", "test_run.py"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    for name in [name for name in environment if name.startswith(("PYTEST_", "COV_"))]:
        del environment[name]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    run = subprocess.Popen(bound_to_us(command), cwd=tmp_path, env=environment, **quiet)
    try:
        files = [tmp_path / f"addresses{number}.txt" for number in range(2)]
        wait_until(lambda: run.poll() is not None or all(file.exists() for file in files), "servers")
        (moto, redis, own), (moto_too, redis_too, own_too) = (file.read_text().split() for file in files)
    finally:
        os.killpg(run.pid, signal.SIGKILL)  # its workers too
        run.wait()
    ports = [urlsplit(address).port for address in (moto, redis, own, own_too)]
    assert ports[:2] == [urlsplit(moto_too).port, urlsplit(redis_too).port]
    assert own != own_too
    for port in ports:
        wait_until(lambda port=port: not listens(port), f"the end of the server at {port}")


def test_the_processes_of_a_product_that_is_killed_end(tmp_path, migrated):
    port = free_port()
    installation = Installation.make(tmp_path / "home", migrated, PORT=str(port))
    command = [sys.executable, "-m", "repomgr.processes"]
    product = subprocess.Popen(
        command, cwd=REPOSITORY, env=installation.environment, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        wait_until(lambda: listens(port) and len(processes_in(installation.home)) >= ALL, "the product", 120)
    finally:
        product.kill()
        product.wait()
    wait_until(lambda: processes_in(installation.home) == set(), "the end of its processes")


ALL = len(("web", "worker1", "publisher", "beat"))


def processes_in(home: Path) -> set[int]:
    """Return the processes, started as programs, whose home this is."""
    mark, found = f"REPOMGR_HOME={home}\0".encode(), set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if (
                mark in (process / "environ").read_bytes()
                and b"repomgr.processes" not in (process / "cmdline").read_bytes()
            ):
                found.add(int(process.name))
    return found
