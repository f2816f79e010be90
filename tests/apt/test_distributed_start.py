"""`make up-distributed` with nothing set: it starts every server itself, publishes, and leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx

from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from repomgr.servers.process import bound_to_us, free_port, wait_until
from tests.stack import REPOSITORY

PROGRAMS = ("postgres", "redis-server", "repomgr.servers.moto", "repomgr.web", "worker1@", "worker2@", "beat")


def started(home: Path, **settings: str) -> tuple[subprocess.Popen[bytes], Path]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "AWS_"))}
    environment = {**own, "REPOMGR_HOME": str(home / "var"), "PYTHONPATH": str(REPOSITORY), **settings}
    log = home / "log"
    command = [sys.executable, "-m", "repomgr.distributed"]
    with log.open("w") as stream:
        return subprocess.Popen(
            bound_to_us(command, signal.SIGINT), env=environment, cwd=home, stdout=stream, stderr=stream
        ), log


def descendants(pid: int) -> set[int]:
    done = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = [tuple(map(int, line.split())) for line in done.stdout.splitlines()]
    found = {pid}
    while more := {child for child, parent in parents if parent in found} - found:
        found |= more
    return found - {pid}


def commands_of(pids: set[int]) -> str:
    """Give the command lines of processes; one that has ended meanwhile has none."""
    lines = []
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            lines.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " "))
    return "\n".join(lines)


def test_it_starts_what_is_missing_and_ends_it(tmp_path):
    port = free_port()
    product, log = started(tmp_path, PORT=str(port), LOG_LEVEL="WARNING")
    try:
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), "the web process", seconds=300)
        said = log.read_text()
        password = re.search(r"Password\s+in the file (\S+)$", said, re.MULTILINE)
        address = re.search(r"Repository\s+(\S+)/\n", said)
        assert password, said
        assert Path(password[1]).read_text().strip()
        assert address, said
        assert b"Suite: stable" in httpx.get(f"{address[1]}/dists/stable/InRelease").content
        assert httpx.get(f"{address[1]}/kiro-repo.deb").status_code == 200
        for program in PROGRAMS:
            wait_until(lambda program=program: program in commands_of(descendants(product.pid)), program)
        running = descendants(product.pid)
        product.send_signal(signal.SIGINT)
        assert product.wait(60) == 0, log.read_text()
    finally:
        product.kill()
    left = [pid for pid in running if Path(f"/proc/{pid}").exists()]
    assert left == []


def test_half_of_the_stores_is_refused(tmp_path):
    product, log = started(tmp_path, BUCKET_URL="s3://mine")
    assert product.wait(60) == 1
    said = log.read_text()
    assert all(name in said for name in ("PACKAGE_TABLE_URL", "BUCKET_URL", "STAGING_URL")), said


def test_no_key_is_made_beside_stores_that_know_one(tmp_path):
    """Stores of others are asked before this host makes a key; what was just made here knows none."""
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    stores = {
        "PACKAGE_TABLE_URL": f"sqlite://{tmp_path}/table.sqlite3",
        "BUCKET_URL": f"file://{bucket}",
        "STAGING_URL": f"file://{tmp_path}/staging",
        "DATABASE_URL": f"sqlite:///{tmp_path}/django.sqlite3",
        "BROKER_URL": "filesystem://",
    }
    (bucket / "kiro-archive-keyring.gpg").write_bytes(OpenPgpSigner(generate_key("Another")).public_keyring())
    product, log = started(tmp_path, **stores)
    assert product.wait(60) == 1, log.read_text()
    assert log.read_text().startswith("bad_signing_key: ")
    assert not (tmp_path / "var" / "signing-key.asc").exists()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
