"""The disk of one process, that fails at a chosen call: strace answers in the kernel's place, on real system calls."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packages_app.core.errors import RepomgrError
from packages_app.services.outside_errors import told_as_ours
from repomgr.servers.process import end_with_parent, wait_until

WRITES = ("write", "pwrite64", "fsync", "fdatasync", "rename", "link", "mkdir", "ftruncate")
"""What may fail when something is to last. Files are made by `openat`, as they are read: a full disk fails it too, and
the first `write` after it stands for that."""
_CRASHED = 70
_FAILED = "(INJECTED)"
_LINE = re.compile(r"^(?P<call>\w+)\((?P<given>.*)$")
_BY_HANDLE = re.compile(r"^\d+<(?P<path>[^>]*)>")
_PATH = re.compile(r'"(?P<path>(?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class DiskFault:
    """The `number`-th call (from 1) of this name gives this error; with `stays` so does each one after it."""

    call: str
    number: int
    error: str
    stays: bool = False

    def __str__(self) -> str:
        return f"{self.call}:error={self.error}:when={self.number}{'+' * self.stays}"


@dataclass(frozen=True)
class Written:
    """A call that a process made to write, the path that it was about, and whether it was made to fail."""

    call: str
    number: int
    path: str
    failed: bool


def with_disk(work: Sequence[Callable[[], object]], log: Path, fault: DiskFault | None = None) -> list[Written]:
    """Do work in a forked process whose disk fails once, or never; return what its first thread wrote, in its order.

    Each piece is a request or a task of its own: what is raised as ours ends it alone. Anything else is no end that a
    person is told of, and fails the test.
    """
    waits, begins = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(begins)
        os._exit(_done(work, waits))
    options = ["-e", f"trace={','.join(WRITES)}", *(["-e", f"inject={fault}"] if fault else [])]
    with subprocess.Popen(["strace", "-q", "-y", "-s", "0", "-o", log, *options, "-p", str(child)]) as strace:
        try:
            wait_until(lambda: _is_traced(child), "strace")
        except BaseException:
            os.kill(child, signal.SIGKILL)
            raise
        finally:
            os.close(begins)
            _, status = os.waitpid(child, 0)
            os.close(waits)
        strace.wait()
    assert os.waitstatus_to_exitcode(status) == 0, f"{fault}: what it raised is above"
    return _written(log.read_text())


def _done(work: Sequence[Callable[[], object]], waits: int) -> int:
    """Do the work once this process is traced; return its exit code."""
    try:
        end_with_parent()
        os.read(waits, 1)
        for piece in work:
            try:
                with told_as_ours():
                    piece()
            except RepomgrError:
                pass
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        return _CRASHED
    return 0


def _is_traced(process: int) -> bool:
    return "TracerPid:\t0\n" not in Path(f"/proc/{process}/status").read_text()


def _written(log: str) -> list[Written]:
    written: list[Written] = []
    counts: dict[str, int] = {}
    for line in log.splitlines():
        if (found := _LINE.match(line)) is None:
            continue
        call = found["call"]
        counts[call] = counts.get(call, 0) + 1
        path = _BY_HANDLE.match(found["given"]) or _PATH.search(found["given"])
        written.append(Written(call, counts[call], path["path"] if path else "", line.endswith(_FAILED)))
    return written
