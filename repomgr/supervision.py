"""Several processes kept running together: one that ends is started again, and all end with this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

from packages_app.core.running_errors import ProcessFailed
from repomgr.servers.process import bound_to_us

MOST_STARTS = 5
"""So often a process is started that never runs for `_STEADY_SECONDS`; then all end, for whoever runs us to see."""
_STEADY_SECONDS = 60.0
_FIRST_PAUSE = 0.5
_LOOK_SECONDS = 0.2
_END_SECONDS = 5.0


class _Kept:
    """One process: its command, and how often it was started since it last ran steadily."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._name = name
        self._command = bound_to_us(command)
        self._environment = dict(environment)
        self._starts = 0
        self._running: subprocess.Popen[str] | None = None
        self._next_start = 0.0
        self._began = 0.0

    def look(self) -> None:
        """Start it where it is due; raise `ProcessFailed` when it has ended too often."""
        now = time.monotonic()
        if self._running is None:
            if now >= self._next_start:
                self._start(now)
            return
        code = self._running.poll()
        if code is None:
            return
        self._running = None
        self._starts = 1 if now - self._began >= _STEADY_SECONDS else self._starts
        if self._starts >= MOST_STARTS:
            raise ProcessFailed(
                f"The process {self._name} ended with {code} and was started {self._starts} times.",
                remedy="What it said last says why: mend that, and start again.",
            )
        pause = _FIRST_PAUSE * 2 ** (self._starts - 1)
        self._next_start = now + pause
        say("system", f"{self._name} ended with {code}; it is started again in {pause:g} s")

    def _start(self, now: float) -> None:
        # A session of its own: Ctrl-C reaches us alone. It gets SIGTERM when we end, however that comes.
        self._running = subprocess.Popen(
            self._command, env=self._environment, text=True, errors="replace", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._began = now
        self._starts += 1
        threading.Thread(target=_pass_on, args=(self._name, self._running.stdout), daemon=True).start()

    def ask_to_end(self) -> None:
        """Send SIGTERM to it and what it has started."""
        self._signal(signal.SIGTERM)

    def end(self, deadline: float) -> None:
        """Wait for its end until `deadline`, a moment of the monotonic clock; kill it then."""
        if self._running is not None:
            try:
                self._running.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._signal(signal.SIGKILL)
                self._running.wait()

    def _signal(self, wanted: signal.Signals) -> None:
        if self._running is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._running.pid, wanted)


def supervise(commands: Mapping[str, Sequence[str]], environments: Mapping[str, Mapping[str, str]]) -> signal.Signals:
    """Run commands until SIGINT or SIGTERM, each again when it ends; return which of the two it was.

    Each has the environment of its name. What they write goes to standard output, each line after time and name. Raise
    `ProcessFailed` when one ended `MOST_STARTS` times, with pauses that double, without having run for a minute. All
    have ended afterwards.
    """
    asked: list[int] = []
    for wanted in (signal.SIGINT, signal.SIGTERM):
        signal.signal(wanted, lambda number, _frame: asked.append(number))
    processes = [_Kept(name, command, environments[name]) for name, command in commands.items()]
    try:
        while not asked:
            for each in processes:
                each.look()
            time.sleep(_LOOK_SECONDS)
    finally:
        for each in processes:
            each.ask_to_end()
        deadline = time.monotonic() + _END_SECONDS
        for each in processes:
            each.end(deadline)
    return signal.Signals(asked[0])


def say(name: str, line: str) -> None:
    """Write a line of a process to standard output; whoever read it may be gone."""
    with suppress(OSError, ValueError):
        sys.stdout.write(f"{time.strftime('%H:%M:%S')} {name:<10}| {line}\n")
        sys.stdout.flush()


def _pass_on(name: str, lines: IO[str] | None) -> None:
    for line in lines or ():
        say(name, line.rstrip("\n"))
