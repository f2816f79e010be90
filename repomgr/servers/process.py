"""Servers as child processes on free ports, ended with certainty."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

_START_SECONDS = 60.0
_END_SECONDS = 15.0


class Running(Protocol):
    """A process that was started, as `subprocess.Popen` is one."""

    pid: int

    def send_signal(self, sig: signal.Signals, /) -> None:
        """Send it a signal."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code; raise `subprocess.TimeoutExpired`."""


_PR_SET_PDEATHSIG = 1
"""prctl(2)."""


class ServerMissing(Exception):
    """A server is not installed on this machine."""


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(ready: Callable[[], bool], what: str, seconds: float = _START_SECONDS) -> None:
    """Wait until something is so; raise `TimeoutError` with its name after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.1)


def listens(port: int) -> bool:
    """Return whether somebody listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def bound_to_us(command: Sequence[str], end: signal.Signals = signal.SIGTERM) -> list[str]:
    """Return a command that gets `end` when the thread that starts it ends, however that comes: SIGKILL too.

    By `setpriv` of util-linux, which turns into the command; where there is none, the command as it is.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", end.name.removeprefix("SIG"), *command] if setpriv else list(command)


def end_with_parent() -> None:
    """Let this process be killed when its parent ends, however that comes; for one that was forked just now."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextmanager
def process(*command: str, end: signal.Signals = signal.SIGTERM, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Run a command for the block, in a session of its own (Ctrl-C does not reach it), which is ended with it.

    `end` is the signal that asks it to end, also when we are killed.
    """
    running = subprocess.Popen(bound_to_us(command, end), text=True, start_new_session=True, **options)
    try:
        yield running
    finally:
        end_process(running, end)


def end_process(running: Running, end: signal.Signals) -> None:
    """Ask a process, the first of its session, to end; kill all of that session when it takes longer than it may."""
    running.send_signal(end)
    try:
        running.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
