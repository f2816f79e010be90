"""`.changes` files: what an upload of dput is made of (Debian Policy 5.5), each file with its size and SHA256."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packages_app.core.errors import InvalidDeb, PackageRefused
from packages_app.debian.control import parse_control

MOST_FILES = 100
"""Files that one .changes may list."""
SOURCE_ENDINGS = (".dsc", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tar.lzma", ".diff.gz", ".tar.asc")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+~_:-]{0,199}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_SIZE = re.compile(r"[0-9]{1,15}\Z")
_PARTS = 3


class ChangesRefused(PackageRefused):
    """A .changes can't be read, or lists what makes no sense."""

    code = "changes_refused"


class SourceRefused(PackageRefused):
    """A file of a source package was sent: binary packages alone are kept."""

    code = "source_refused"


@dataclass(frozen=True)
class ListedFile:
    """A file that a .changes lists: its name, its size in bytes and its SHA256 (hex)."""

    name: str
    size: int
    sha256: str


def listed_files(text: bytes) -> tuple[ListedFile, ...]:
    """Return the files that the paragraph of a .changes lists; raise `ChangesRefused`, `SourceRefused`."""
    try:
        said = parse_control(text.decode().rstrip("\n") + "\n")
    except (UnicodeDecodeError, InvalidDeb) as error:
        raise _refused(f"can't be read: {getattr(error, 'message', error)}") from error
    lines = [line.split() for line in said.get("Checksums-Sha256", "").splitlines() if line.strip()]
    if not lines or len(lines) > MOST_FILES:
        raise _refused(f"lists {len(lines)} files in Checksums-Sha256; 1 to {MOST_FILES} are taken")
    files = tuple(_listed(parts) for parts in lines)
    names = [file.name for file in files]
    if len(set(names)) < len(names):
        raise _refused("lists a file twice")
    others = {line.split()[-1] for line in said.get("Files", "").splitlines() if line.strip()}
    if others != set(names):
        raise _refused("lists other files in Files than in Checksums-Sha256")
    for name in names:
        refuse_source(name)
    return files


def refuse_source(name: str) -> None:
    """Raise `SourceRefused` for the name of a source package's file."""
    if name.endswith(SOURCE_ENDINGS):
        raise SourceRefused(
            f"{name[:80]} is of a source package; this repository keeps binary packages.",
            remedy="Build with dpkg-buildpackage --build=binary, and send the .changes that it writes.",
        )


def _listed(parts: list[str]) -> ListedFile:
    if len(parts) != _PARTS or not (_SHA256.match(parts[0]) and _SIZE.match(parts[1]) and _NAME.match(parts[2])):
        raise _refused(f"has a line in Checksums-Sha256 that is none: {' '.join(parts)[:80]!r}")
    return ListedFile(parts[2], int(parts[1]), parts[0])


def _refused(what: str) -> ChangesRefused:
    return ChangesRefused(f"The .changes {what}.", remedy="Send the one that dpkg-genchanges wrote, signed by debsign.")
