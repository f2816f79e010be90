"""What a process asked of the disk, by strace: an independent judge of what lasts over a power cut."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

_CALLS = (
    "openat,write,pwrite64,writev,sendfile,copy_file_range,ftruncate,fsync,fdatasync"
    ",rename,renameat,renameat2,link,linkat,mkdir,mkdirat"
)
_LINE = re.compile(r"^\d+ +(?P<name>\w+)\((?P<given>.*)\) += (?P<answer>-?\d+)")
_BY_HANDLE = re.compile(r"^\d+<(?P<path>/[^>]*)>")
_PATH = re.compile(r'"(?P<path>(?:[^"\\]|\\.)*)"')
_AT = re.compile(r'(?:AT_FDCWD(?:<[^>]*>)?|\d+<(?P<folder>/[^>]*)>), "(?P<path>(?:[^"\\]|\\.)*)"')


@dataclass
class Disk:
    """What would be left after a power cut: bytes last by a sync of the file, names by one of their folder.

    `unsafe` tells of each file, an object's or its metadata's, that got its name below `root` while its bytes would not
    have lasted.
    """

    root: Path
    unsafe: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    _unsynced: set[str] = field(default_factory=set)
    _names: set[str] = field(default_factory=set)

    def left_to_chance(self) -> list[str]:
        """Return the names below the root, of objects and folders, that would not last by now."""
        return sorted(name for name in self._names if self._counts(name))

    def wrote(self, path: str) -> None:
        self._unsynced.add(path)

    def synced(self, path: str) -> None:
        self._unsynced.discard(path)
        self._names = {name for name in self._names if os.path.dirname(name) != path}

    def new_name(self, path: str, before: str | None = None) -> None:
        """Take note of a folder made, or of a file that has a name now beside or instead of `before`."""
        if before is not None and self._counts(path):
            self.named.append(path)
        if before in self._unsynced and (self._counts(path) or Path(path).parent.name == "metadata"):
            self.unsafe.append(path)
        if before in self._unsynced:
            self._unsynced.add(path)
        else:
            self._unsynced.discard(path)
        self._names.add(path)

    def _counts(self, path: str) -> bool:
        return Path(path).is_relative_to(self.root) and ".repomgr" not in Path(path).parts


def disk_of(script: str, root: Path, folder: Path) -> Disk:
    """Run a Python script to its end in a process of its own, and return what its calls left on the disk."""
    log = folder / "calls"
    subprocess.run(
        ["strace", "-f", "-y", "-s", "4096", "-e", f"trace={_CALLS}", "-o", log, sys.executable, "-c", script],
        check=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    disk = Disk(root)
    for line in _whole_lines(log.read_text()):
        if (found := _LINE.match(line)) and int(found["answer"]) >= 0:
            _note(disk, found["name"], found["given"])
    return disk


def _whole_lines(text: str) -> list[str]:
    """Return the calls, in the order in which they ended; what strace cut in two is one line again."""
    begun: dict[str, str] = {}
    lines = []
    for line in text.splitlines():
        process = line.partition(" ")[0]
        if line.endswith("<unfinished ...>"):
            begun[process] = line.removesuffix("<unfinished ...>")
        elif " resumed>" in line:
            lines.append(begun.pop(process, "") + line.partition(" resumed>")[2])
        else:
            lines.append(line)
    return lines


def _note(disk: Disk, name: str, given: str) -> None:
    handle = _BY_HANDLE.match(given)
    if name in ("fsync", "fdatasync"):
        disk.synced(handle["path"] if handle else "")
    elif name in ("rename", "link"):
        before, after = (found["path"] for found in _PATH.finditer(given))
        disk.new_name(after, before)
    elif name in ("renameat", "renameat2", "linkat"):
        before, after = (os.path.join(found["folder"] or "", found["path"]) for found in _AT.finditer(given))
        disk.new_name(after, before)
    elif name in ("mkdir", "mkdirat"):
        found = _PATH.search(given)
        disk.new_name(found["path"] if found else "")
    elif name == "openat":
        found = _AT.match(given)
        if found and "O_CREAT" in given:
            disk.wrote(os.path.join(found["folder"] or "", found["path"]))
    elif handle:
        disk.wrote(handle["path"])
