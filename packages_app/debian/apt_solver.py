"""apt's own solver asked which packages can't be installed, where no dose-debcheck is: a simulated installation.

Each package is asked about on a machine that has none, as dose-debcheck does; of the packages of each name only those
are there that are written, which is the newest. Many are asked about at once: what installs together installs alone.
Where that fails halves are asked, down to each package that apt refuses by itself.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path

from packages_app.debian.apt_root import LIMITER, make_root, run_in_root
from packages_app.debian.debcheck import PACKAGE, SolverFailed
from packages_app.debian.universe import Unit, read_units

PROGRAM = "apt-get"
MOST_ASKED = 2000
"""So many packages are asked about at most: apt may have to be asked about each."""
_MEMORY_BYTES = 2 * 1024**3
_REFUSED = 100
"""How apt-get ends when it can't install what it was asked for, and when it fails (apt-get(8))."""
_NO_SOLUTION = "unmet dependencies"
_TOLD = 300


def apt_is_there() -> bool:
    """Return whether apt is installed, and what bounds it."""
    return shutil.which(PROGRAM) is not None and shutil.which(LIMITER) is not None


def refused_by_apt(checked: Path, others: Path, architecture: str, *, seconds: float) -> dict[str, str]:
    """Return which packages of a Packages file apt does not install from it and another one, and what it says.

    They are named `name version architecture`. Raise `SolverFailed` when there are too many to ask about, and when apt
    fails or takes more than its share of time or memory.
    """
    units = read_units([checked])
    if len(units) > MOST_ASKED:
        raise _failed(f"{len(units)} packages may be concerned, and it is asked about {MOST_ASKED} at most")
    ends = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="repomgr-apt-") as folder:
        root = Path(folder) / "root"
        make_root(root, [architecture])
        with (root / "Packages").open("wb") as lists:
            lists.writelines(_with_files(path) for path in (checked, others))
        found: dict[str, str] = {}
        waiting: list[Sequence[Unit]] = [units] if units else []
        while waiting:
            some = waiting.pop()
            why = _complaint(root, some, ends - time.monotonic())
            if why and len(some) > 1:
                middle = len(some) // 2
                waiting += [some[middle:], some[:middle]]
            elif why:
                found[some[0].key] = f"apt: {why}"
        return found


def _complaint(root: Path, units: Sequence[Unit], seconds: float) -> str:
    """Return why apt does not install these together, "" where it does."""
    if seconds <= 0:
        raise _failed("it takes too long")
    asked = [f"{unit.names[0]}={unit.key.split(' ')[1]}" for unit in units]
    limits = (LIMITER, f"--as={_MEMORY_BYTES}", f"--cpu={ceil(seconds)}")
    simulated = (PROGRAM, "--simulate", "--with-source", str(root / "Packages"), "install")
    try:
        done = run_in_root(root, *limits, *simulated, *asked, seconds=seconds)
    except subprocess.TimeoutExpired as error:
        raise _failed("it takes too long") from error
    except OSError as error:
        raise _failed(str(error.strerror)) from error
    if done.returncode == 0:
        return ""
    said = f"{done.stdout}\n{done.stderr}"
    if done.returncode != _REFUSED or _NO_SOLUTION not in said:
        raise _failed(f"it ended with {done.returncode}: {' '.join(said.split())[-_TOLD:]}")
    return _first_reason(said)


def _first_reason(said: str) -> str:
    """Return what apt says first of a package, in a line."""
    _, _, reasons = said.partition(_NO_SOLUTION)
    lines = [" ".join(line.split()) for line in reasons.splitlines() if line.startswith(" ")]
    return (lines[0] if lines else "its dependencies exclude each other")[:_TOLD]


def _with_files(path: Path) -> bytes:
    """Return a Packages file with the fields of the index that apt wants of a package, if only to pass over them."""
    fields = f"Filename: ./none\nSize: 1\nSHA256: {'0' * 64}\n\n".encode()
    return b"".join(block + b"\n" + fields for block in path.read_bytes().split(b"\n\n") if block.strip())


def _failed(why: str) -> SolverFailed:
    return SolverFailed(
        f"apt does not say which packages can be installed: {why}.",
        remedy=f"Install {PACKAGE}, which answers for large suites too; installability: off asks no more.",
    )
