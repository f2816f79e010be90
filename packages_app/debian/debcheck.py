"""dose-debcheck asked which packages can't be installed, and why (Debian's package dose-distcheck)."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Collection
from math import ceil
from pathlib import Path

from packages_app.core.child_environment import child_environment
from packages_app.core.errors import RepomgrError
from packages_app.debian.apt_root import LIMITER

PROGRAM = "dose-debcheck"
PACKAGE = "dose-distcheck"
MOST_SECONDS = 120.0
_MEMORY_BYTES = 2 * 1024**3
_OUTPUT_BYTES = 64 * 1024**2
_BROKEN_AT_MOST = 63
"""Up to this exit code it has said which packages are broken; above it has failed (dose-debcheck(1))."""
_TOLD = 500
_LINE = re.compile(r"^(?P<indent> *)(?P<name>[a-z0-9-]+): (?P<value>.*)$")
_OWN_INDENT = 2


class SolverFailed(RepomgrError):
    """Whether packages can be installed is not known: the program that says so failed, or a base suite is not there.

    Nothing is held back for it.
    """

    code = "solver_failed"


def debcheck_is_there() -> bool:
    """Return whether the program is installed, and what bounds it."""
    return shutil.which(PROGRAM) is not None and shutil.which(LIMITER) is not None


def broken_by_debcheck(
    checked: Path, others: Path, architecture: str, *, seconds: float = MOST_SECONDS
) -> dict[str, str]:
    """Return which packages of a Packages file can't be installed from it and another one, and why.

    They are named `name version architecture`. Raise `SolverFailed` when the program fails, or takes more than its
    share of time or memory.
    """
    limits = (LIMITER, f"--as={_MEMORY_BYTES}", f"--fsize={_OUTPUT_BYTES}", f"--cpu={ceil(seconds)}")
    asked = ("--failures", "--explain", "--explain-minimal", f"--deb-native-arch={architecture}")
    with tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                (*limits, PROGRAM, *asked, f"--fg={checked}", f"--bg={others}"),
                env=child_environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.PIPE,
                check=False, timeout=seconds,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise _failed(f"it took more than {seconds:.0f} s") from error
        except OSError as error:
            raise _failed(str(error.strerror)) from error
        if not 0 <= done.returncode <= _BROKEN_AT_MOST:
            complaint = " ".join(done.stderr[-_TOLD:].decode("utf-8", "replace").split())
            raise _failed(f"it ended with {done.returncode}: {complaint}")
        said.seek(0)
        return explanations_in(said.read().decode("utf-8", "replace"), architecture)


def explanations_in(report: str, architecture: str) -> dict[str, str]:
    """Return the broken packages that a report names, with the first reason of each in words."""
    found: dict[str, str] = {}
    for item in report.split("\n -\n")[1:]:
        own: dict[str, str] = {}
        reasons: list[dict[str, str]] = []
        for line in item.splitlines():
            if not (field := _LINE.match(line)):
                continue
            name, value = field["name"], field["value"].replace(f":{architecture}", "")
            if len(field["indent"]) == _OWN_INDENT:
                own[name] = value
            elif name == "package":
                reasons.append({name: value})
            elif reasons:
                reasons[-1].setdefault(name, value)
        if own.get("status") == "broken":
            found[" ".join(own[name] for name in ("package", "version", "architecture"))] = _in_words(reasons)
    return found


def newly_broken(after: dict[str, str], before: Collection[str]) -> dict[str, str]:
    """Return those broken that were not before, sorted."""
    return {name: after[name] for name in sorted(after) if name not in before}


def _in_words(reasons: list[dict[str, str]]) -> str:
    for one, other in zip(reasons, [*reasons[1:], {}], strict=True):
        named = f"{one['package']} {one.get('version', '')}"
        if needs := one.get("unsat-dependency"):
            return f"{named} needs {needs}"
        if "unsat-conflict" in one and other:
            return f"{named} conflicts with {other['package']} {other.get('version', '')}"
    return "its dependencies exclude each other"


def _failed(why: str) -> SolverFailed:
    return SolverFailed(
        f"{PROGRAM} does not say which packages can be installed: {why}.",
        remedy="Publish again when the machine is less busy; installability: off asks no more.",
    )
