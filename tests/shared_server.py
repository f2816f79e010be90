"""A server that all processes of a test run share: started by the first that asks, ended when the last is gone.

Each process holds a shared lock on a file of the run's folder as long as it lives, which the kernel takes from it
however it ends. The server is a child of a process of its own, this module's, that waits for the lock alone: it gets
it once nobody is left, killed ones too, and then ends the server.
"""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from repomgr.servers.process import ServerMissing
from repomgr.servers.start import moto_server, postgresql_server, redis_server
from tests.other_servers import dynalite_server, ministack_server, s3rver_server

_REPOSITORY = Path(__file__).resolve().parent.parent
SERVERS: dict[str, Callable[[], AbstractContextManager[str]]] = {
    "moto": moto_server,
    "redis": redis_server,
    "postgresql": postgresql_server,
    "ministack": ministack_server,
    "s3rver": s3rver_server,
    "dynalite": dynalite_server,
}
_MISSING = "missing: "


@contextmanager
def locked(path: Path, kind: int) -> Iterator[IO[str]]:
    """Hold a lock of `flock(2)` on a file for the block."""
    with path.open("a") as file:
        fcntl.flock(file, kind)
        yield file


@contextmanager
def shared_server(name: str, run: Path) -> Iterator[str]:
    """Return the address of a server that those who give the same folder share; raises `ServerMissing`."""
    address = run / f"{name}.address"
    with locked(run / f"{name}.users", fcntl.LOCK_SH):
        with locked(run / f"{name}.starting", fcntl.LOCK_EX):
            if not address.exists():
                _start(name, run)
        said = address.read_text()
        if said.startswith(_MISSING):
            raise ServerMissing(said.removeprefix(_MISSING))
        yield said


def _start(name: str, run: Path) -> None:
    """Start the process that keeps a server, and wait until it has written the server's address."""
    command = [sys.executable, "-m", "tests.shared_server", name, str(run)]
    keeper = subprocess.Popen(
        command, cwd=_REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    assert keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n", f"{name} was not started"
    keeper.stdout.close()


def _keep(name: str, run: Path) -> None:
    address = run / f"{name}.address"
    try:
        with SERVERS[name]() as url:
            _tell(address, url)
            with locked(run / f"{name}.users", fcntl.LOCK_EX):
                address.unlink(missing_ok=True)
    except ServerMissing as missing:
        _tell(address, f"{_MISSING}{missing}")


def _tell(address: Path, what: str) -> None:
    address.write_text(what)
    sys.stdout.write("ready\n")
    sys.stdout.flush()


if __name__ == "__main__":
    _keep(sys.argv[1], Path(sys.argv[2]))
