"""A data member as dpkg reads it: by a tar reader of its own (lib/dpkg/tarfn.c), which is stricter than GNU tar.

It takes no pax header, no sparse file and no number that is none, and goes by what it makes of odd ones: of a mode that
does not fit it makes one with every bit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from packages_app.debian.tar import BLOCK, PAX, TarHeader, bad_member, shown_name, tar_header, tar_number

REGULAR, HARD_LINK, SYMBOLIC_LINK, FOLDER = b"0", b"1", b"2", b"5"
_LONG_NAME, _LONG_LINK = b"L", b"K"
_KINDS_OF_DPKG = frozenset((REGULAR, HARD_LINK, SYMBOLIC_LINK, b"3", b"4", FOLDER, b"6", _LONG_NAME, _LONG_LINK))
_WITH_CONTENT = (REGULAR, _LONG_NAME, _LONG_LINK)
_LONGEST_NAME = 64 * 1024
_ID_LIMIT, _OFFSET_LIMIT = 2**32, 2**63
_NUMBERS = (
    (108, 116, 0, _ID_LIMIT),
    (116, 124, 0, _ID_LIMIT),
    (124, 136, 0, _OFFSET_LIMIT),
    (136, 148, -_OFFSET_LIMIT, _OFFSET_LIMIT),
)
"""Where a header's uid, gid, size and time stand, with the least and the limit that fit into dpkg's types."""
_BASE_256 = (0x80, 0xFF)
# Octal digits between blanks, or base 256. A field of blanks alone is none to dpkg, one of NULs is 0.
_OCTAL = re.compile(rb" *(?:[0-7]+|\0)[ \0]*\Z")
_LEADING_OCTAL = re.compile(rb"[ \0]*([0-7]*)")
_MODE_BITS = 0o7777


@dataclass(frozen=True)
class DataMember:
    """What a data member holds: its name and what it links to as they stand there, and what dpkg makes of the rest.

    `kind` is the type of tar(5), a byte; `size` is in bytes, `content` as many of them as were wanted. `of_root` says
    that root owns it.
    """

    name: bytes
    kind: bytes
    target: bytes
    mode: int
    size: int
    of_root: bool
    content: bytes = b""


class Blocks:
    """Gives bytes of an archive in the amounts asked for; fewer where it ends."""

    def __init__(self, chunks: Iterator[bytes], limit: int) -> None:
        """Read from chunks, of which there are about `limit` bytes at most."""
        self._chunks = chunks
        self._left = limit
        self._ready = b""
        self._at = 0
        self.are_short = False
        """Whether the archive ended before what was asked for, and not for the limit of what is looked at."""

    @property
    def reached_limit(self) -> bool:
        """Whether there may be more than was looked at."""
        return self._left <= 0

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        parts = []
        while size and self._more():
            parts.append(self._ready[self._at : self._at + size])
            self._at += len(parts[-1])
            size -= len(parts[-1])
        self.are_short |= size > 0 and bool(parts) and self._left > 0
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over the next bytes."""
        while size and self._more():
            passed = min(size, len(self._ready) - self._at)
            self._at += passed
            size -= passed
        self.are_short |= size > 0 and self._left > 0

    def pass_over_rest(self) -> None:
        """Read on to the end: a stream that is cut off behind the last file is no whole one either."""
        while self._more():
            self._at = len(self._ready)

    def _more(self) -> bool:
        while self._at == len(self._ready):
            try:
                self._ready, self._at = next(self._chunks), 0
                self._left -= len(self._ready)
            except StopIteration:
                return False
        return True


def data_members(blocks: Blocks, where: str, wanted: Callable[[bytes], int] = lambda _name: 0) -> Iterator[DataMember]:
    """Yield what a data member holds, up to its end mark or to where the blocks end.

    `where` names the member in errors; of the file of a name as many bytes are read as `wanted` says. Raise
    `InvalidDeb` for a header that dpkg does not take.
    """
    long = {_LONG_NAME: b"", _LONG_LINK: b""}
    while len(block := blocks.take(BLOCK)) == BLOCK and any(block):
        header = _checked_header(block, where)
        if header.kind in long:
            text = blocks.take(min(header.size, _LONGEST_NAME))
            if len(text) < header.size:
                if header.size > _LONGEST_NAME:
                    raise bad_member(where, f"gives a file a name of {header.size} bytes")
                return
            blocks.skip(-header.size % BLOCK)
            long[header.kind] = _long_text(text, where)
            continue
        name = long[_LONG_NAME] or header.name
        if not name:
            raise bad_member(where, "gives a file an empty name")
        target = long[_LONG_LINK] or block[157:257].partition(b"\0")[0]
        long = dict.fromkeys(long, b"")
        content = blocks.take(min(header.size, wanted(name))) if header.kind == REGULAR else b""
        blocks.skip(header.size - len(content) + -header.size % BLOCK)
        yield DataMember(name, header.kind, target, _mode(block[100:108]), header.size, _is_of_root(block), content)


def _checked_header(block: bytes, where: str) -> TarHeader:
    header = tar_header(block, where)
    if header.kind not in _KINDS_OF_DPKG:
        what = "a pax header" if header.kind in PAX else f"a member of kind {header.kind!r}"
        raise bad_member(where, f"holds {shown_name(header.name)}, {what}, which dpkg does not unpack")
    if not all(_is_read_by_dpkg(block[start:end], least, limit) for start, end, least, limit in _NUMBERS):
        raise bad_member(where, f"has a header of {shown_name(header.name)} with numbers that dpkg can't read")
    # GNU tar takes one of signed bytes as well, and one in base 256.
    if not _OCTAL.match(block[148:156]) or tar_number(block[148:156]) != header.checksum:
        raise bad_member(where, f"has a header of {shown_name(header.name)} with a checksum that dpkg does not take")
    if header.size and header.kind not in _WITH_CONTENT:
        raise bad_member(
            where, f"holds {shown_name(header.name)}, which is no file and has content, over which dpkg does not go"
        )
    if header.kind in (_LONG_NAME, _LONG_LINK) and not header.name:
        raise bad_member(where, "has a header of a long name that has no name of its own")
    return header


def _is_read_by_dpkg(field: bytes, least: int, limit: int) -> bool:
    if field[0] not in _BASE_256:
        return bool(_OCTAL.match(field))
    number = int.from_bytes(field[1:], "big")
    return least <= (number - (1 << 8 * (len(field) - 1)) if field[0] == 0xFF else number) < limit


def _long_text(text: bytes, where: str) -> bytes:
    """Return a long name or link; dpkg reads on in its memory where it has no NUL at its end."""
    name, ending, _ = text.partition(b"\0")
    if not ending or not name:
        raise bad_member(where, f"gives a file the long name {shown_name(name)}, which has no end or is empty")
    return name


def _mode(field: bytes) -> int:
    """Return a member's mode as dpkg sets it; of nonsense, of which it makes none, what stands before it."""
    if field[0] in _BASE_256:
        number = int.from_bytes(field[1:], "big")
        return _MODE_BITS if field[0] == 0xFF or number >= _ID_LIMIT else number & _MODE_BITS
    found = _LEADING_OCTAL.match(field)
    return int(found[1] or b"0", 8) & _MODE_BITS if found else 0


def _is_of_root(block: bytes) -> bool:
    names = [block[265:297].partition(b"\0")[0], block[297:329].partition(b"\0")[0]]
    # dpkg goes by the names where the client knows them.
    return not tar_number(block[108:116]) and not tar_number(block[116:124]) and {*names} <= {b"", b"root"}
