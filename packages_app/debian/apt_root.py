"""A private root for apt: no setting, source, list or package of this machine is in it (apt.conf(5))."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from packages_app.core.child_environment import child_environment

COMPLAINTS = ("W:", "E:", "Err:", "Ign:")
"""How lines begin in which apt complains."""
LIMITER = "prlimit"
"""What bounds a program that is run (prlimit(1), util-linux)."""
_FOLDERS = (
    "etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d",
    "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg",
)  # fmt: skip


def make_root(root: Path, architectures: Sequence[str]) -> None:
    """Make the root in a folder that is not there yet; the first architecture is the machine's, the others foreign."""
    for name in _FOLDERS:
        (root / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    named = " ".join(f'"{name}";' for name in architectures)
    (root / "apt.conf").write_text(
        f'Dir "{root}";\nDir::State::status "{root}/var/lib/dpkg/status";\nDir::Bin::Methods "/usr/lib/apt/methods";\n'
        f'APT::Architecture "{architectures[0]}";\nAPT::Architectures {{ {named} }};\n'
        'Acquire::Languages "none";\nAcquire::By-Hash "no";\nAPT::Sandbox::User "";\nDebug::NoLocking "true";\n',
        encoding="utf-8",
    )


def run_in_root(
    root: Path, *command: str, seconds: float, of_processor: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program of apt's with a root to its end; a negative exit code is the signal that ended it.

    That is SIGXCPU after so many seconds `of_processor`, where prlimit(1) is installed. Raise
    `subprocess.TimeoutExpired` after so many seconds of the clock.
    """
    if of_processor is not None and shutil.which(LIMITER):
        command = (LIMITER, f"--cpu={of_processor}:{of_processor + 1}", *command)
    environment = child_environment(APT_CONFIG=str(root / "apt.conf"), HOME=str(root), TMPDIR=str(root))
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=seconds
    )
