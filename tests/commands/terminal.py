"""Commands as a person runs them: a process whose standard output and error are a terminal."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Run a command to its end; gives its exit code and what the terminal showed, without colours."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, env=environment, cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := _read(ours):
            shown += chunk
    finally:
        os.close(ours)
    return process.wait(), _COLOUR.sub("", shown.decode().replace("\r\n", "\n"))


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux's end of a terminal that nobody has open any more
        return b""
