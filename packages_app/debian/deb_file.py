"""A `.deb` opened without trusting it (deb(5)). Only its control member is unpacked, in memory and within bounds."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from packages_app.core.errors import InvalidDeb
from packages_app.debian.ar import REMEDY, ArMember, ar_members
from packages_app.debian.control import ControlParagraph, check_control, parse_control
from packages_app.debian.decompression import MAGIC, decompressed

_CONTROL_TAR_LIMIT = 8 * 1024 * 1024
_CONTROL_FILE_LIMIT = 1024 * 1024
_MOST_CONTROL_FILES = 1000
_CONTROL_ENDINGS = ("", ".gz", ".xz", ".zst")
_DATA_ENDINGS = (*_CONTROL_ENDINGS, ".bz2", ".lzma")
_TAR_BLOCK = 512
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class DebContents:
    """What intake takes from a `.deb`: the control paragraph, taken apart and as it stood, and its members' names."""

    control: ControlParagraph
    control_text: str
    members: tuple[str, ...]


def open_deb(path: Path) -> DebContents:
    """Open a `.deb` and check it; raises `InvalidDeb`, and nothing else, for whatever is wrong with it.

    The data member is not unpacked: that would cost more than all of intake. Its first block is, so that a member
    that is cut off at its head, or is not what its name says, is found.
    """
    with path.open("rb") as stream:
        members = ar_members(stream, path.stat().st_size)
        control_member, data_member = _expected(members, stream)
        ending = control_member.name.removeprefix("control.tar")
        archive = decompressed(
            _chunks(stream, control_member), ending, _CONTROL_TAR_LIMIT, control_member.name, whole=True
        )
        text = _control_file(archive)
        _check_data(stream, data_member)
    control = parse_control(text)
    check_control(control)
    return DebContents(control, text.strip("\n"), tuple(member.name for member in members))


def _expected(members: list[ArMember], stream: BinaryIO) -> tuple[ArMember, ArMember]:
    """Give the control and the data member of an archive that has what deb(5) says, in its order."""
    if not members or members[0].name != "debian-binary":
        raise InvalidDeb("The file is no .deb: its first member is not debian-binary.", remedy=REMEDY)
    stream.seek(members[0].offset)
    version = stream.read(min(members[0].size, 16))
    if not version.startswith(b"2.") or b"\n" not in version:
        raise InvalidDeb(f"The file is a .deb of format {version!r}; 2.x is understood.", remedy=REMEDY)
    # deb(5): members that begin with an underscore may stand before data.tar and are to be ignored.
    rest = [member for member in members[1:] if not member.name.startswith("_")]
    names = [member.name for member in rest]
    wanted = (("control.tar", _CONTROL_ENDINGS), ("data.tar", _DATA_ENDINGS))
    sound = len(rest) == len(wanted) and all(
        name in {stem + ending for ending in endings} for name, (stem, endings) in zip(names, wanted, strict=True)
    )
    if not sound:
        found = ", ".join(names) or "nothing"
        raise InvalidDeb(f"A .deb holds one control.tar and one data.tar; this one holds {found}.", remedy=REMEDY)
    return rest[0], rest[1]


def _chunks(stream: BinaryIO, member: ArMember) -> Iterator[bytes]:
    stream.seek(member.offset)
    left = member.size
    while left and (chunk := stream.read(min(_CHUNK, left))):
        left -= len(chunk)
        yield chunk


def _control_file(archive: bytes) -> str:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:") as tar:
            return _only_control(tar)
    except UnicodeDecodeError as error:
        raise InvalidDeb("The control file is not UTF-8.", remedy="Save debian/control as UTF-8.") from error
    except (tarfile.TarError, ValueError, OverflowError, EOFError, OSError, IndexError) as error:
        raise InvalidDeb(f"The control member is no sound tar archive: {error}.", remedy=REMEDY) from error


def _only_control(tar: tarfile.TarFile) -> str:
    found: list[tarfile.TarInfo] = []
    for number, member in enumerate(tar):
        if number >= _MOST_CONTROL_FILES:
            raise InvalidDeb(f"The control member holds over {_MOST_CONTROL_FILES} files.", remedy=REMEDY)
        parts = member.name.split("/")
        if member.name.startswith("/") or ".." in parts:
            raise InvalidDeb(f"The control member holds the path {member.name[:80]!r}.", remedy=REMEDY)
        if member.name.removeprefix("./") == "control":
            found.append(member)
    if len(found) != 1:
        raise InvalidDeb(f"The control member holds {len(found)} files named control, not one.", remedy=REMEDY)
    [member] = found
    if not member.isreg():
        raise InvalidDeb("The control file is no regular file.", remedy=REMEDY)
    if member.size > _CONTROL_FILE_LIMIT:
        raise InvalidDeb(f"The control file has {member.size} bytes; {_CONTROL_FILE_LIMIT} are read.", remedy=REMEDY)
    content = tar.extractfile(member)
    body = content.read() if content else b""
    if len(body) != member.size:
        raise InvalidDeb("The control file is truncated.", remedy=REMEDY)
    return body.decode()


def _check_data(stream: BinaryIO, member: ArMember) -> None:
    """Look at the first tar block of the data member."""
    ending = member.name.removeprefix("data.tar")
    stream.seek(member.offset)
    magic = MAGIC.get(ending, b"")
    if stream.read(len(magic)) != magic:
        raise InvalidDeb(f"The member {member.name} is not what its name says.", remedy=REMEDY)
    block = decompressed(_chunks(stream, member), ending, _TAR_BLOCK, member.name, whole=False)
    if len(block) < _TAR_BLOCK:
        raise InvalidDeb(f"The member {member.name} is truncated.", remedy=REMEDY)
    if any(block):  # a package without files has an empty archive: blocks of zeros
        try:
            tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except tarfile.TarError as error:
            raise InvalidDeb(f"The member {member.name} is no tar archive: {error}.", remedy=REMEDY) from error
