"""A `.deb` opened without trusting it (deb(5)). Only its control member is unpacked, in memory and within bounds."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from packages_app.core.errors import InvalidDeb
from packages_app.debian.ar import REMEDY, ArMember, ar_members, chunks_of_member
from packages_app.debian.control import ControlParagraph, check_control, parse_control
from packages_app.debian.control_members import check_members
from packages_app.debian.data_tar import Blocks, data_members
from packages_app.debian.decompression import MAGIC, decompressed
from packages_app.debian.limits import LONGEST_PARAGRAPH
from packages_app.debian.rewriting import written_anew
from packages_app.debian.tar import BLOCK, TarMember, tar_members

_CONTROL_TAR_LIMIT = 8 * 1024 * 1024
_CONTROL_ENDINGS = ("", ".gz", ".xz", ".zst")
_DATA_ENDINGS = (*_CONTROL_ENDINGS, ".bz2", ".lzma")
# Of a packed member this much is read at most: a stream may go on without giving a byte. bzip2 needs the most for the
# first block of a data member, a block of 900 kB.
_PACKED_CONTROL_LIMIT = _CONTROL_TAR_LIMIT + 64 * 1024
_PACKED_HEAD_LIMIT = 2 * 1024 * 1024
_DATA_HEAD = 256 * 1024
# dpkg takes any 2.x, and reads no further than the line's end (lib/dpkg/deb-version.c).
_FORMAT = re.compile(rb"0*2\.[0-9]{1,9}\n")


@dataclass(frozen=True)
class DebContents:
    """What intake takes of it: the control paragraph, taken apart and as an index has it, and members' names."""

    control: ControlParagraph
    control_text: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class OpenedDeb(DebContents):
    """A `.deb` that was opened: also the files of its control member by their names, and where its data member lies."""

    files: dict[str, bytes]
    data: ArMember


def open_deb(path: Path) -> OpenedDeb:
    """Open a `.deb` and check it; raise `InvalidDeb`, and nothing else, for whatever is wrong with it.

    The data member is not unpacked: that would cost more than all of intake. Its first 256 KiB are, so that a member
    that is cut off at its head, is not what its name says, or is of a kind that dpkg does not unpack, is found.
    """
    with path.open("rb") as stream:
        return read_deb(stream, os.fstat(stream.fileno()).st_size)


def read_deb(stream: BinaryIO, size: int) -> OpenedDeb:
    """Check a `.deb` of `size` bytes in a stream that can seek, as `open_deb` does; raise `InvalidDeb`."""
    members = ar_members(stream, size)
    control_member, data_member = _expected_members(members, stream)
    files = _control_files(stream, control_member)
    text = written_anew(_control_text(files))
    _check_data(stream, data_member)
    control = parse_control(text)
    check_control(control)
    check_members(control, files)
    names = tuple(member.name for member in members)
    return OpenedDeb(control, text.strip("\n"), names, files, data_member)


def _expected_members(members: list[ArMember], stream: BinaryIO) -> tuple[ArMember, ArMember]:
    """Return the control and the data member of an archive that has what deb(5) says, in its order.

    Raise `InvalidDeb` for any other.
    """
    if not members or members[0].name != "debian-binary":
        raise InvalidDeb("The file is no .deb: its first member is not debian-binary.", remedy=REMEDY)
    stream.seek(members[0].offset)
    version = stream.read(min(members[0].size, 32))
    if not _FORMAT.match(version):
        raise InvalidDeb(f"The file is a .deb of format {version!r}; 2.x is understood.", remedy=REMEDY)
    # deb(5): members that begin with an underscore may stand before data.tar and are to be ignored. dpkg reads nothing
    # that stands behind it; a second one of those that count is refused, since another reader may take that.
    rest = [member for member in members[1:] if not member.name.startswith("_")]
    names = [member.name for member in rest]
    sound = (
        len(rest) >= 2
        and names[0] in {"control.tar" + ending for ending in _CONTROL_ENDINGS}
        and names[1] in {"data.tar" + ending for ending in _DATA_ENDINGS}
        and not any(name.startswith(("control.tar", "data.tar", "debian-binary")) for name in names[2:])
    )
    if not sound:
        found = ", ".join(names) or "nothing"
        raise InvalidDeb(
            f"A .deb holds one control.tar and one data.tar, since of several not all readers take the first; this one "
            f"holds {found}.",
            remedy=REMEDY,
        )
    return rest[0], rest[1]


def _control_files(stream: BinaryIO, member: ArMember) -> dict[str, bytes]:
    """Return the files of a control member by their names; it holds plain files and at most their folder.

    Raise `InvalidDeb` for one that is too large, can't be unpacked, or holds anything else.
    """
    if member.size > _PACKED_CONTROL_LIMIT:
        raise InvalidDeb(
            f"The member {member.name} has {member.size} bytes; {_PACKED_CONTROL_LIMIT} are read.", remedy=REMEDY
        )
    packed, ending = chunks_of_member(stream, member), member.name.removeprefix("control.tar")
    archive = decompressed(packed, ending, _CONTROL_TAR_LIMIT, member.name, whole=True)
    return _files_in(archive, member.name)


def _files_in(archive: bytes, where: str) -> dict[str, bytes]:
    found: dict[bytes, TarMember] = {}
    for member in tar_members(archive, where):
        parts = member.parts
        if member.folder and not parts and not member.name.startswith(b"/"):
            continue
        shown = member.name[:80].decode("utf-8", "replace")
        if member.folder or len(parts) != 1 or parts == [b".."]:  # tar leaves a slash at the beginning out
            raise InvalidDeb(f"The control member holds the path {shown!r}, which is no plain file.", remedy=REMEDY)
        if parts[0] in found:
            raise InvalidDeb(f"The control member holds 2 files named {shown!r}, not one.", remedy=REMEDY)
        found[parts[0]] = member
    return {
        name.decode("latin-1"): archive[member.offset : member.offset + member.size] for name, member in found.items()
    }


def _control_text(files: dict[str, bytes]) -> str:
    """Return the text of the control file, as it stands there but for its encoding.

    Lines that are not UTF-8, as old packages have them, are read as Latin-1; carriage returns at the ends are left out.
    """
    body = files.get("control")
    if body is None:
        raise InvalidDeb("The control member holds no file named control.", remedy=REMEDY)
    if len(body) > LONGEST_PARAGRAPH:
        raise InvalidDeb(f"The control file has {len(body)} bytes; {LONGEST_PARAGRAPH} are read.", remedy=REMEDY)
    if b"\n\r\n" not in body:  # a line with nothing else is a blank one to dpkg, which it refuses
        body = body.replace(b"\r\n", b"\n")  # at a line's end it is a blank to dpkg and apt
    try:
        return body.decode()
    except UnicodeDecodeError:
        return "\n".join(map(_decoded, body.split(b"\n")))


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _check_data(stream: BinaryIO, member: ArMember) -> None:
    """Look at the beginning of the data member."""
    ending = member.name.removeprefix("data.tar")
    stream.seek(member.offset)
    magic = MAGIC.get(ending, b"")
    if stream.read(len(magic)) != magic:
        raise InvalidDeb(f"The member {member.name} is not what its name says.", remedy=REMEDY)
    packed = chunks_of_member(stream, member, _PACKED_HEAD_LIMIT)
    head = decompressed(packed, ending, _DATA_HEAD, member.name, whole=False)
    if member.size and len(head) < BLOCK:  # one without a byte holds no file, to dpkg too
        raise InvalidDeb(f"The member {member.name} is truncated.", remedy=REMEDY)
    for _ in data_members(Blocks(iter([head]), _DATA_HEAD), member.name):
        pass
