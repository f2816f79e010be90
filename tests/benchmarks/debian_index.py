"""Debian's own main index, from this machine's apt lists (run `apt-get update` where there are none)."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.processes import BenchFailed

ARCHITECTURE = "amd64"
_LISTS = Path("/var/lib/apt/lists")


@dataclass(frozen=True)
class DebianIndex:
    """The suite's name, the text of its Packages, and the InRelease that it came with."""

    suite: str
    text: bytes
    in_release: bytes


def debian_index() -> DebianIndex:
    """Give the largest main index in the machine's apt lists; nothing is downloaded."""
    indexes = _LISTS.glob(f"*_dists_*_main_binary-{ARCHITECTURE}_Packages*")
    found = max(indexes, key=lambda path: path.stat().st_size, default=None)
    if found is None:
        raise BenchFailed("This machine has no apt lists: run apt-get update first.")
    before, suite = found.name.split("_main_binary-")[0].rsplit("_dists_", 1)
    done = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(found)], capture_output=True, check=True)
    return DebianIndex(suite, done.stdout, (_LISTS / f"{before}_dists_{suite}_InRelease").read_bytes())
