"""Processes measured from outside: how long they took, and the most memory that they and their children held."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_SAMPLE_SECONDS = 0.05
_SHOWN_OF_A_FAILURE = 3000


class BenchFailed(Exception):
    """Something that is measured did not work, or tools gave different results."""


@dataclass(frozen=True)
class Run:
    """How long a command took, in seconds, those that it computed (of the user's share), and its standard output."""

    seconds: float
    output: str
    cpu: float = 0.0


def run(
    command: list[str],
    environment: dict[str, str],
    *,
    folder: Path | None = None,
    on_start: Callable[[int], None] = lambda _pid: None,
) -> Run:
    """Run a command to its end; raises `BenchFailed` with its last words when it fails."""
    began, computed = time.perf_counter(), os.times().children_user
    with subprocess.Popen(
        command, env=environment, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            on_start(process.pid)
            output, errors = process.communicate()
        except BaseException:
            process.kill()
            raise
        seconds = time.perf_counter() - began
    if process.returncode:
        said = f"{output}\n{errors}"[-_SHOWN_OF_A_FAILURE:]
        raise BenchFailed(f"{' '.join(command)[:300]} gave {process.returncode}:\n{said}")
    return Run(seconds, output, os.times().children_user - computed)


def plain_environment(**more: str) -> dict[str, str]:
    """Give an environment without this machine's settings of ours or of the tools'."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**kept, **more}


@dataclass(frozen=True)
class Repeated:
    """What repetitions of one measurement gave, in seconds."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def repeated(measure: Callable[[], float], *, times: int = 3, enough: float = 100.0) -> Repeated:
    """Measure some times; what takes longer than `enough` seconds in all is not begun again."""
    seconds: list[float] = []
    while len(seconds) < times and sum(seconds) < enough:
        seconds.append(measure())
    return Repeated(tuple(seconds))


@contextmanager
def memory_watched() -> Iterator[tuple[Callable[[int], None], list[int]]]:
    """Watch the tree of a process for the block: what is told its id, and a list that holds the peak in bytes.

    The proportional set sizes of all are summed, some times a second: pages that they share count once.
    """
    peak, ended, watched = [0], threading.Event(), threading.Event()
    ids: list[int] = []

    def watch() -> None:
        watched.wait()
        while not ended.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], sum(_proportional_bytes(pid) for pid in _tree(ids[0])))

    def begin(pid: int) -> None:
        ids.append(pid)
        watched.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield begin, peak
    finally:
        ended.set()
        if ids:
            thread.join()


@contextmanager
def growth_watched(pid: int) -> Iterator[Callable[[], int]]:
    """Watch a process that runs for the block; what is given tells, behind it, by how many bytes it grew meanwhile.

    That is the most of it by the kernel's own mark, or the most of its tree as `memory_watched` has it, whichever is
    more, over what it held before.
    """
    Path(f"/proc/{pid}/clear_refs").write_text("5")  # the mark begins anew, proc_pid_clear_refs(5)
    resident, together = _of_status(pid, "VmRSS"), sum(map(_proportional_bytes, _tree(pid)))
    grown = [0]
    with memory_watched() as (begin, peak):
        begin(pid)
        yield lambda: grown[0]
    grown[0] = max(_of_status(pid, "VmHWM") - resident, peak[0] - together)


def _of_status(pid: int, field: str) -> int:
    """Give a size that the kernel tells of a process, in bytes."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def _tree(pid: int) -> Iterator[int]:
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _tree(int(child))


def _proportional_bytes(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def say(text: str) -> None:
    """Tell what is being done now."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()
