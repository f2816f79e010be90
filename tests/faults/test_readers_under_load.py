"""A short run of chaos: `make chaos` is the long one."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.every import EVERY
from tests.stack import REPOSITORY

SECONDS, WORKERS = ("12", "4") if EVERY else ("6", "2")


def test_readers_see_no_error_while_workers_die_and_stores_fail():
    command = [sys.executable, "-m", "tests.faults.chaos", "--seconds", SECONDS, "--workers", WORKERS, "--seed", "4"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=480)
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    said = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+)", last)}
    assert (said["reader_errors"], said["lost"]) == (0, 0)
    assert all(said[name] > 0 for name in ("publications", "faults", "uploads", "reads", "apt_updates"))
