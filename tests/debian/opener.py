"""Opens files one by one, each in a process of its own with limits, and says what became of each.

`python -m tests.debian.opener FOLDER` prints a line of JSON a file: its name, the outcome ("read", "refused" or what
killed it), what was said, and how far its peak of memory lay over that of a process that opens nothing, in bytes.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from packages_app.core.errors import InvalidDeb
from packages_app.debian.deb_file import open_deb

CPU_SECONDS = 1
ADDRESS_SPACE = 2 * 1024**3


def in_own_process(work: Callable[[], dict[str, str]]) -> tuple[dict[str, str], int]:
    """Run in a fork with limits; gives what it said, or how it died, and its peak of memory in bytes."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        try:
            said = work()
        except BaseException:
            said = {"outcome": "crash", "said": traceback.format_exc(limit=-3)}
        os.write(writable, json.dumps(said).encode())
        os._exit(0)
    os.close(writable)
    with os.fdopen(readable, "rb") as pipe:
        said = pipe.read()
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        return {"outcome": f"killed by signal {os.WTERMSIG(status)}", "said": ""}, used.ru_maxrss * 1024
    return json.loads(said), used.ru_maxrss * 1024


def opened(path: Path) -> dict[str, str]:
    """Open a file; gives what became of it."""
    try:
        contents = open_deb(path)
    except InvalidDeb as error:
        return {"outcome": "refused", "said": f"{error.message[:300]} {error.remedy[:50]}"}
    return {"outcome": "read", "said": contents.control["Version"]}


if __name__ == "__main__":
    _, idle = in_own_process(lambda: {"outcome": "", "said": ""})
    for file in sorted(Path(sys.argv[1]).iterdir()):
        outcome, peak = in_own_process(lambda file=file: opened(file))
        sys.stdout.write(json.dumps({"name": file.name, **outcome, "memory": peak - idle}) + "\n")
