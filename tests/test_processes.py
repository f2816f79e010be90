"""The processes of a product: one that dies is started again, one that can't run ends all."""

import os
import signal
import socket
import subprocess
import sys

from repomgr.servers.process import free_port, listens, process, wait_until
from tests.commands.installation import Installation
from tests.stack import REPOSITORY
from tests.test_killed_run import ALL, processes_in

COMMAND = (sys.executable, "-m", "repomgr.processes")
_SECONDS = 240
QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


def with_word(home, word):
    """The processes of a home that have this word in their command line."""
    found = set()
    for number in processes_in(home):
        with open(f"/proc/{number}/cmdline", "rb") as line:
            if word in line.read():
                found.add(number)
    return found


def test_a_process_that_dies_is_started_again_and_the_others_live_on(tmp_path, migrated):
    port = free_port()
    installation = Installation.make(tmp_path / "home", migrated, PORT=str(port))
    home = installation.home
    with process(*COMMAND, env=installation.environment, cwd=REPOSITORY, **QUIET) as product:
        wait_until(lambda: listens(port) and len(processes_in(home)) >= ALL, "the product", _SECONDS)
        [worker], [web] = with_word(home, b"worker1@"), with_word(home, b"repomgr.web")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: with_word(home, b"worker1@") - {worker} != set(), "another worker", _SECONDS)
        assert with_word(home, b"repomgr.web") == {web}
        product.send_signal(signal.SIGINT)
        assert product.wait(_SECONDS) == 0
    assert processes_in(home) == set()


def test_a_process_that_can_not_run_ends_all_with_an_error(tmp_path, migrated):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        installation = Installation.make(tmp_path / "home", migrated, PORT=str(other.getsockname()[1]))
        place = {"env": installation.environment, "cwd": REPOSITORY}
        done = subprocess.run(COMMAND, **place, capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("process_failed: ")
    assert done.stdout.count("web ended with") == 4
    assert processes_in(installation.home) == set()
