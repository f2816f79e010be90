"""A test run that is killed leaves no server behind, and its processes share those that all can use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

from repomgr.servers.process import bound_to_us, listens, wait_until
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
