"""The outer shell of a `.deb`: an ar archive, its members found without trusting a single number of it (deb(5))."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from packages_app.core.errors import InvalidDeb

_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_HEADER_END = b"`\n"
_MOST_MEMBERS = 32
_CHUNK = 64 * 1024
_LONGEST_PADDING = 64 * 1024
REMEDY = "Fetch or upload the file again, whole; if it is the same then, those who built it must mend it."


@dataclass(frozen=True)
class ArMember:
    """One member: its name, where its bytes begin in the file, and how many there are."""

    name: str
    offset: int
    size: int


def ar_members(stream: BinaryIO, size: int) -> list[ArMember]:
    """Return the members of an ar archive of `size` bytes, in their order.

    Raise `InvalidDeb` for what is no ar archive, for a header that makes no sense, and for a member that would end
    behind the end of the file.
    """
    stream.seek(0)
    beginning = stream.read(len(_MAGIC))
    if beginning != _MAGIC:
        raise InvalidDeb(f"The file is no .deb: it {_looks_like(beginning)}.", remedy=REMEDY)
    members: list[ArMember] = []
    offset = len(_MAGIC)
    while offset < size:
        if len(members) == _MOST_MEMBERS:
            raise InvalidDeb(f"The file has more than {_MOST_MEMBERS} ar members.", remedy=REMEDY)
        stream.seek(offset)
        if members and _is_padding(stream, size - offset):
            break
        stream.seek(offset)
        member = _member(stream.read(_HEADER_BYTES), offset + _HEADER_BYTES)
        if member.offset + member.size > size:
            raise InvalidDeb(
                f"The file is truncated: its member {member.name} needs {member.offset + member.size} bytes, "
                f"the file has {size}.",
                remedy=REMEDY,
            )
        members.append(member)
        offset = member.offset + member.size + member.size % 2
    return members


def chunks_of_member(stream: BinaryIO, member: ArMember, limit: int | None = None) -> Iterator[bytes]:
    """Yield a member's bytes, `limit` of them at most, in pieces; nobody else may move in the stream meanwhile."""
    stream.seek(member.offset)
    left = member.size if limit is None else min(member.size, limit)
    while left and (chunk := stream.read(min(_CHUNK, left))):
        left -= len(chunk)
        yield chunk


def _is_padding(stream: BinaryIO, size: int) -> bool:
    """Say whether what is left of a file are newlines or NULs, which programs that copy files put behind them."""
    if size > _LONGEST_PADDING:
        return False
    rest = stream.read(size)
    return not rest.strip(b"\n") or not rest.strip(b"\0")


def _member(header: bytes, offset: int) -> ArMember:
    if len(header) != _HEADER_BYTES or header[58:60] != _HEADER_END:
        raise InvalidDeb("The file is truncated, or one of its ar headers is broken.", remedy=REMEDY)
    name = header[:16].rstrip(b" ").removesuffix(b"/")
    digits = header[48:58].strip(b" ")
    if not name or not name.isascii() or not digits.isdigit():
        raise InvalidDeb(f"An ar header of the file makes no sense: {header[:58]!r}.", remedy=REMEDY)
    return ArMember(name.decode("ascii", "replace"), offset, int(digits))


def _looks_like(beginning: bytes) -> str:
    if not beginning:
        return "is empty"
    start = beginning.lstrip().lower()
    if start.startswith((b"<html", b"<!doc", b"<?xml", b"<")):
        return "looks like a web page"
    if start.startswith((b"{", b"[")):
        return "looks like JSON"
    return f"begins with {beginning!r}"
