"""What the bench ran on, and the versions of what it ran."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

_TOOLS = {
    "aptly": ("aptly", "version"),
    "reprepro": ("reprepro", "--version"),
    "apt-ftparchive": ("apt-ftparchive", "--version"),
    "apt": ("apt-get", "--version"),
    "gpg": ("gpg", "--version"),
    "xz": ("xz", "--version"),
    "gzip": ("gzip", "--version"),
}
_LIBRARIES = ("Django", "boto3", "pynamodb", "pysequoia")
_NUMBER = re.compile(r"\d+(?:\.\d+)+[^\s,)]*")


def machine(scratch: Path) -> dict[str, str | int | float]:
    """Give the machine's processor, cores, memory in GB, kernel, load as it is now, and a folder's file system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory / 1e9, 1),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 1),
        "file_system": next(iter(_said("findmnt", "-no", "FSTYPE", "-T", str(scratch)).split()), "unknown"),
    }


def versions() -> dict[str, str]:
    """Give the version of each tool, of Python, and of the libraries that ours stands on; those there are."""
    found = {"Python": platform.python_version()}
    for name, command in _TOOLS.items():
        if number := _NUMBER.search(_said(*command)):
            found[name] = number[0]
    return found | {name: version(name) for name in _LIBRARIES}


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.machine()


def _said(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout + done.stderr
