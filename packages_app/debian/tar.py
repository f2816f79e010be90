"""The inner shell of a `.deb`: a tar archive in memory, its members found without trusting a single number of it.

What deb(5) allows is read: old (v7), ustar and GNU headers, long GNU names. Of pax headers those are read that change
nothing that matters here, such as times. All else is refused, since two readers could see two archives in it, and the
one that counts, dpkg with GNU tar on a client, comes later. Python's tarfile does not serve: its depth of recursion,
its time and what it forgives are in the archive's hands, and differ from one release to the next.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packages_app.core.errors import InvalidDeb
from packages_app.debian.ar import REMEDY

BLOCK = 512
_END_MARK = bytes(BLOCK)
_MOST_HEADERS = 1000
_LONGEST_NAME = 4096
_PAX_LIMIT = 64 * 1024
_REGULAR, _FOLDER = b"0", b"5"
_LONG_NAME, _LONG_LINK = b"L", b"K"
PAX = (b"x", b"g")
"""The kinds of pax headers: of one member, and of all that follow."""
# Of mode, uid, gid and time; as src/list.c reads them, a field of blanks alone and one of another text are errors.
_NUMBERS_OF_GNU_TAR = ((100, 108), (108, 116), (116, 124), (136, 148))
_NUMBER_OF_GNU_TAR = re.compile(rb"\0? *(?:[0-7]+(?:[ \0].*)?|\0.*|[\x80\xff].*|[+-][A-Za-z0-9+/]+[ \0]*)\Z", re.DOTALL)
_KINDS = {
    b"1": "hard link", b"2": "symbolic link", b"3": "device", b"4": "device", b"6": "pipe", b"S": "sparse file",
}  # fmt: skip
# The pax records that leave a member's name, size and content as its header has them: those of times and owners, and
# those of bsdtar that GNU tar, which dpkg unpacks control members by, does not know.
_HARMLESS = re.compile(
    rb"(mtime|atime|ctime)=-?[0-9]{1,12}(\.[0-9]{1,12})?|(uid|gid)=[0-9]{1,9}|(uname|gname|comment)=[^\x00-\x1f]*"
    rb"|(LIBARCHIVE\.(creationtime|xattr\.[!-<>-~]+)|SCHILY\.(dev|ino|nlink|fflags|xattr\.[!-<>-~]+))=[^\x00-\x1f]*"
)


@dataclass(frozen=True)
class TarMember:
    """A file or folder: its name as it stands, where its bytes begin, and how many there are."""

    name: bytes
    folder: bool
    offset: int
    size: int

    @property
    def parts(self) -> list[bytes]:
        """Return the name's parts, those that lead nowhere (`.` and empty ones) left out."""
        return [part for part in self.name.split(b"/") if part not in (b"", b".")]


@dataclass(frozen=True)
class TarHeader:
    """What stands in a header: name, kind (`0` of every file), size in bytes, and the sum of the header's bytes."""

    name: bytes
    kind: bytes
    size: int
    checksum: int


def tar_members(archive: bytes, where: str) -> Iterator[TarMember]:
    """Return the files and folders of an archive, in its order, up to its end mark or its end.

    `where` names the archive in errors. Raise `InvalidDeb` for a broken header, a member that ends behind the end of
    the archive, more than a thousand headers, and for links, devices and other kinds that no control member has.
    """
    offset, long_name = 0, b""
    for _ in range(_MOST_HEADERS):
        block = archive[offset : offset + BLOCK]
        if not block or block == _END_MARK:
            if long_name:
                raise bad_member(where, f"is truncated behind the name {shown_name(long_name)}")
            return
        header = tar_header(block, where)
        if not all(_NUMBER_OF_GNU_TAR.match(block[start:end]) for start, end in _NUMBERS_OF_GNU_TAR):
            raise bad_member(where, f"has a header of {shown_name(header.name)} with numbers that tar can't read")
        body = offset + BLOCK
        offset = body + header.size + -header.size % BLOCK
        if offset > len(archive):
            raise bad_member(where, f"is truncated in {shown_name(header.name)}")
        if header.kind == _LONG_NAME:
            if long_name:
                raise bad_member(where, "gives one file two long names")
            long_name = _long_name(archive, body, header, where)
        elif header.kind in PAX:
            _check_pax(archive[body : body + min(header.size, _PAX_LIMIT + 1)], where)
        elif header.kind != _LONG_LINK:
            yield _member(header, long_name, body, where)
            long_name = b""
    raise bad_member(where, f"holds over {_MOST_HEADERS} files")


def _member(header: TarHeader, long_name: bytes, body: int, where: str) -> TarMember:
    name = long_name or header.name
    if header.kind not in (_REGULAR, _FOLDER):
        kind = _KINDS.get(header.kind, f"member of kind {header.kind!r}")
        raise bad_member(where, f"holds {shown_name(name)}, a {kind}; files and folders are taken")
    # To tar a file whose name ends in a slash is a folder.
    folder = header.kind == _FOLDER or name.endswith(b"/")
    if folder and header.size:
        raise bad_member(where, f"holds the folder {shown_name(name)} with content")
    return TarMember(name, folder, body, header.size)


def tar_header(block: bytes, where: str) -> TarHeader:
    """Return what a header of 512 bytes says; raise `InvalidDeb` for a wrong checksum, and a size that is none."""
    if len(block) < BLOCK:
        raise bad_member(where, "is truncated")
    listed = tar_number(block[148:156])
    blanked = block[:148] + b" " * 8 + block[156:]
    total = sum(blanked)
    # Some old programs summed signed bytes.
    if listed != total and listed != total - 256 * sum(byte > 127 for byte in blanked):
        raise bad_member(where, "has a header with a wrong checksum")
    size = tar_number(block[124:136])
    if size is None:
        raise bad_member(where, f"has a header with the size {block[124:136]!r}")
    name = block[:100].partition(b"\0")[0]
    prefix = block[345:500].partition(b"\0")[0]
    if prefix and block[257:263] == b"ustar\0":
        name = prefix + b"/" + name
    kind = block[156:157]
    return TarHeader(name, _REGULAR if kind == b"\0" else kind, size, total)


def tar_number(field: bytes) -> int | None:
    """Return the number that octal digits say, or base 256 behind the byte 0x80; None for negative ones, nonsense."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.lstrip(b" ").partition(b"\0")[0].rstrip(b" ")
    if not digits or digits.strip(b"01234567"):
        return None
    return int(digits, 8)


def _long_name(archive: bytes, body: int, header: TarHeader, where: str) -> bytes:
    if header.size > _LONGEST_NAME:
        raise bad_member(where, f"has a file name of {header.size} bytes")
    name = archive[body : body + header.size].partition(b"\0")[0]
    if not name:  # tar makes a folder's name of it, whatever the member's own name is
        raise bad_member(where, "gives a file an empty name")
    return name


def _check_pax(records: bytes, where: str) -> None:
    """Refuse pax records (`length keyword=value`, newline; pax(1)) that may change what a member is."""
    if len(records) > _PAX_LIMIT:
        raise bad_member(where, f"has a pax header of over {_PAX_LIMIT} bytes")
    at = 0
    while at < len(records):
        digits = records[at : at + 6].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        record = records[at : at + length]
        if not record.endswith(b"\n") or len(record) != length:
            raise bad_member(where, "has a pax header that makes no sense")
        if not _HARMLESS.fullmatch(record[len(digits) + 1 : -1]):
            raise bad_member(where, f"has the pax record {shown_name(record)}")
        at += length


def shown_name(name: bytes) -> str:
    """Return a name as messages have it."""
    return repr(name[:80].decode("utf-8", "replace"))


def bad_member(where: str, what: str) -> InvalidDeb:
    """Return what is raised of the member of a package that `where` names."""
    return InvalidDeb(f"The member {where} {what}.", remedy=REMEDY)
