"""Commands as a person runs them: a process whose standard output and error are a terminal."""

from __future__ import annotations

import os
import pty
import re
from collections.abc import Mapping, Sequence

from tests import prepared

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(command: Sequence[object], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command to its end; gives its exit code and what the terminal showed, without colours."""
    ours, theirs = pty.openpty()
    process = prepared.start(
        command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
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
