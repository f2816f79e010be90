"""A `.changes` file: the binary packages that it lists, looked at before they are sent (deb-changes(5))."""

from __future__ import annotations

import hashlib
from pathlib import Path

from repomgr_client.faults import Fault

_LONGEST = 16 * 1024 * 1024
_FIELDS = 3


def packages_of(path: Path) -> list[Path]:
    """Return the `.deb` files that it lists, which lie beside it and are what it says by size and SHA256.

    Raise `Fault`. Its signature is not looked at: the token says who pushes.
    """
    try:
        if path.stat().st_size > _LONGEST:
            raise _bad(path, "it is too large")
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, f"it can't be read ({type(error).__name__})") from None
    packages = []
    for line in _checksums(lines):
        fields = line.split()
        if len(fields) != _FIELDS or not fields[1].isdigit():
            raise _bad(path, f"of Checksums-Sha256 {line[:80]!r} can't be read")
        sha256, size, name = fields
        if "/" in name or name.startswith("."):
            raise _bad(path, f"{name[:80]!r} is no file beside it")
        if name.endswith(".deb"):
            packages.append(_checked(path, path.parent / name, sha256.lower(), int(size)))
    if not packages:
        raise _bad(path, "it lists no binary package with a SHA256")
    return packages


def _checksums(lines: list[str]) -> list[str]:
    """Return the lines of its field Checksums-Sha256."""
    found: list[str] = []
    inside = False
    for line in lines:
        if line[:1] in (" ", "\t"):
            if inside and line.strip():
                found.append(line.strip())
            continue
        inside = line.lower().startswith("checksums-sha256:")
    return found


def _checked(changes: Path, path: Path, sha256: str, size: int) -> Path:
    try:
        with path.open("rb") as file:
            there = path.stat().st_size
            found = hashlib.file_digest(file, "sha256").hexdigest() if there == size else ""
    except OSError as error:
        raise _bad(changes, f"{path.name} can't be read ({error.strerror})") from None
    if there != size:
        raise _bad(changes, f"{path.name} has {there} bytes, and it says {size}")
    if found != sha256:
        raise _bad(changes, f"{path.name} has the SHA256 {found}, and it says {sha256[:64]}")
    return path


def _bad(path: Path, why: str) -> Fault:
    return Fault("bad_changes", f"{path.name}: {why}.", "Build it again, with all its files beside it.")
