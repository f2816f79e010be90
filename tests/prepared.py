"""Programs of Python without the time that their imports take: each is forked from a process that has them imported.

A command of manage.py takes a second of processor time to start, most of it for modules that are the same each time.
What is started here is a process of its own all the same, with the environment, folder, mask, streams and session that
it is given: settings are read and Django is set up there alone, and its end is an interpreter's own. It is no child of
ours, and has neither a command line nor an environment that others would see in /proc. What tests need of these, run
under another program (`setpriv`, `strace`, `prlimit`) or measure, they start as ever, by `sys.executable`; so they do
one of each kind, to see that it starts: the product, a process of it by its name, a command that is refused.
"""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from repomgr.servers.process import end_process
from tests import preparing

REPOSITORY = Path(__file__).resolve().parent.parent
MANAGE = str(REPOSITORY / "manage.py")
_Stream = int | IO[Any]


class PreparedProcess:
    """A program that was forked: its number, its exit code once it has ended, and what it wrote, as `Popen` has them.

    It gets `end` when we end, however that comes.
    """

    def __init__(self, request: Mapping[str, Any], streams: Sequence[_Stream | None]) -> None:
        self._captured = [_kept(at) for at in streams]
        self._told, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(os.devnull, "r+b") as nothing:
            files = [_file(*each, nothing) for each in zip(range(3), streams, self._captured, strict=True)]
            if streams[2] == subprocess.STDOUT:
                files[2] = files[1]
            preparing.ask(_preparing(), request, [*files, theirs.fileno()])
        self.args = request["arguments"]
        self.returncode: int | None = None
        self.pid = int(self._told.recv(100))

    def poll(self) -> int | None:
        """Return its exit code, None as long as it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code once it has ended; raise `subprocess.TimeoutExpired` after `timeout` seconds."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                said = self._told.recv(100)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            assert said, "what keeps it has ended"
            self.returncode = int(said)
            self._told.close()
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; return what it wrote to standard output and error, where these are `PIPE`."""
        self.wait(timeout)
        _, output, errors = (_content(file) for file in self._captured)
        return output, errors

    def send_signal(self, wanted: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, wanted)

    def kill(self) -> None:
        """Kill it."""
        self.send_signal(signal.SIGKILL)


def start(
    arguments: Sequence[object],
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | Path = REPOSITORY,
    umask: int = -1,
    stdin: _Stream | None = None,
    stdout: _Stream | None = None,
    stderr: _Stream | None = None,
    start_new_session: bool = False,
    end: signal.Signals = signal.SIGKILL,
) -> PreparedProcess:
    """Start what `python ARGUMENTS` would run: a file, `-m MODULE` or `-c CODE`, and what it is given.

    A stream that is not given is ours; `PIPE` is kept for `communicate`.
    """
    request = {
        "arguments": [str(each) for each in arguments],
        "environment": dict(os.environ if env is None else env),
        "folder": str(cwd),
        "umask": umask,
        "new_session": start_new_session,
        "end": int(end),
    }
    return PreparedProcess(request, (stdin, stdout, stderr))


def run(arguments: Sequence[object], *, timeout: float = 300, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run such a program to its end; return its exit code and what it wrote. It is killed after `timeout` seconds."""
    process = start(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    try:
        said = process.communicate(timeout)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.wait(), *said)


@contextmanager
def process(
    arguments: Sequence[object], *, end: signal.Signals = signal.SIGTERM, **options: Any
) -> Iterator[PreparedProcess]:
    """Run such a program for the block, in a session of its own, and ask it to end by that signal."""
    running = start(arguments, start_new_session=True, end=end, **options)
    try:
        yield running
    finally:
        end_process(running, end)


def _kept(at: _Stream | None) -> IO[bytes] | None:
    return TemporaryFile() if at == subprocess.PIPE else None


def _file(number: int, at: _Stream | None, captured: IO[bytes] | None, nothing: IO[bytes]) -> int:
    """Return the file that a stream leads to."""
    if captured is not None:
        return captured.fileno()
    if at is None:
        return number
    if isinstance(at, int):
        return nothing.fileno() if at == subprocess.DEVNULL else at
    return at.fileno()


def _content(file: IO[bytes] | None) -> str:
    if file is None:
        return ""
    file.seek(0)
    return file.read().decode()


@cache
def _preparing() -> socket.socket:
    """Return the connection to the process that forks, which ends with us."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "DJANGO_"))}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.preparing"], stdin=theirs, cwd=REPOSITORY, env=environment,
            start_new_session=True,
        )  # fmt: skip
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours
