"""What a `.deb` would do on a client, as far as it can be seen: its maintainer scripts and the files that it unpacks.

Read beside the checks that refuse a package. As far as the look goes, what dpkg would not unpack is refused here too:
those checks see no more of a data member than its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from packages_app.core.errors import InvalidDeb
from packages_app.debian.ar import ar_members, chunks_of_member
from packages_app.debian.control import REMEDY
from packages_app.debian.control_members import kept_conffiles, removed_conffiles
from packages_app.debian.data_tree import DataTree
from packages_app.debian.decompression import unpacked_chunks
from packages_app.debian.tar import check_data_header

_BLOCK = 512
UNPACKED_LIMIT = 1024 * 1024 * 1024
"""So much of a data member is looked at: unpacking costs more than all else of intake, and a member may have no end."""
_NAME_LIMIT = 64 * 1024
CONTENT_LIMIT = 1024 * 1024
_CONTROL_LIMIT = 8 * 1024 * 1024
"""What `deb_file` takes of a control member."""
_REGULAR = (b"0", b"\0", b"7")
_HARD_LINK, _LINK, _FOLDER, _LONG_NAME, _LONG_LINK = b"1", b"2", b"5", b"L", b"K"
_PAX = (b"x", b"g")

Wanted = Callable[[str], bool]
"""Says of a file's path whether its content is wanted."""


@dataclass(frozen=True)
class UnpackedFile:
    """What an archive holds beside folders: its path without a leading slash, its content if wanted.

    `mode` has the mode bits of files and hard links; it is 0 for what has none of its own, such as symbolic links.
    `size` is in bytes; `content` is shorter where that is more than a megabyte. `link` is where a symbolic link leads,
    as it stands there. `plain` says that it is a file of its own, no link of either kind and no device; `of_root` that
    root owns it.
    """

    path: str
    mode: int
    content: bytes = b""
    size: int = 0
    plain: bool = True
    link: str = ""
    of_root: bool = True


@dataclass(frozen=True)
class Payload:
    """Files of the control member by their names, and those of the data member in their order.

    `whole` says that there is nothing in the data member behind what was looked at.
    """

    control: dict[str, bytes] = field(default_factory=dict)
    files: tuple[UnpackedFile, ...] = ()
    whole: bool = True


def read_payload(
    stream: BinaryIO, size: int, *, keep: Callable[[UnpackedFile], bool], wanted: Wanted = lambda _path: False
) -> Payload:
    """Read a `.deb` of `size` bytes in a stream that can seek; of its files those that `keep` holds to be worth it.

    The content of `wanted` files is read, of each a megabyte at most. Raise `InvalidDeb` for what is no `.deb`, and for
    a data member that dpkg does not unpack.
    """
    control: dict[str, bytes] = {}
    files: list[UnpackedFile] = []
    whole = True
    for member in ar_members(stream, size):
        stem, _, ending = member.name.partition(".tar")
        if stem not in ("control", "data"):
            continue
        packed = chunks_of_member(stream, member)
        blocks = _Blocks(unpacked_chunks(packed, ending, UNPACKED_LIMIT, member.name), UNPACKED_LIMIT)
        if stem == "control":
            control |= {file.path: file.content for file in _files(blocks, lambda _path: True, _CONTROL_LIMIT)}
        else:
            check = partial(check_data_header, where=member.name)
            conffiles = control.get("conffiles", b"")
            tree = DataTree(removed_conffiles(conffiles), kept_conffiles(conffiles))
            files += [file for file in _files(blocks, wanted, CONTENT_LIMIT, check, tree) if keep(file)]
            blocks.pass_over_rest()
            if blocks.are_short:
                raise InvalidDeb(f"The member {member.name} ends within a file.", remedy=REMEDY)
            whole &= not blocks.reached_limit
    return Payload(control, tuple(files), whole)


class _Blocks:
    """Gives bytes of an archive in the amounts asked for; fewer where it ends."""

    def __init__(self, chunks: Iterator[bytes], limit: int) -> None:
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


def _files(
    blocks: _Blocks, wanted: Wanted, limit: int, check: Callable[[bytes], None] | None = None,
    tree: DataTree | None = None,
) -> Iterator[UnpackedFile]:  # fmt: skip
    """Yield the files and links of a tar archive, as dpkg's reader finds them (its lib/dpkg/tarfn.c).

    Of the content of a wanted one `limit` bytes are read. `check` is asked of each header but the mark of the end,
    `tree` of each name.
    """
    long = {_LONG_NAME: b"", _LONG_LINK: b""}
    while len(header := blocks.take(_BLOCK)) == _BLOCK:
        if check is not None and any(header):
            check(header)
        if not _is_header(header):
            return
        size = _number(header[124:136])
        kind = header[156:157]
        if kind in (_LONG_NAME, _LONG_LINK):
            text = blocks.take(min(size, _NAME_LIMIT))
            blocks.skip(size - len(text) + -size % _BLOCK)
            long[kind] = text.partition(b"\0")[0]
            continue
        name, target = long[_LONG_NAME] or _name(header), long[_LONG_LINK] or header[157:257].partition(b"\0")[0]
        if tree is not None:
            tree.add(name, kind, target)
        path = _path(name)
        long = dict.fromkeys(long, b"")
        body = b""
        if kind in _REGULAR:
            body = blocks.take(min(size, limit)) if wanted(path) else b""
        blocks.skip(size - len(body) + -size % _BLOCK)
        if kind != _FOLDER and kind not in _PAX:
            yield _unpacked(header, path, target if kind == _LINK else b"", size, body)


def _unpacked(header: bytes, path: str, link: bytes, size: int, body: bytes) -> UnpackedFile:
    kind = header[156:157]
    mode = _number(header[100:108]) & 0o7777 if kind in _REGULAR or kind == _HARD_LINK else 0
    names = [header[265:297].partition(b"\0")[0], header[297:329].partition(b"\0")[0]]
    # dpkg goes by the names where the client knows them.
    numbers = [_number(header[108:116]), _number(header[116:124])]
    of_root = not any(numbers) and all(name in (b"", b"root") for name in names)
    return UnpackedFile(path, mode, body, size, kind in _REGULAR, link.decode("utf-8", "replace"), of_root)


def _is_header(block: bytes) -> bool:
    return sum(block[:148]) + 8 * ord(" ") + sum(block[156:]) == _number(block[148:156])


def _name(header: bytes) -> bytes:
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    return prefix + b"/" + name if prefix and header[257:263] == b"ustar\0" else name


def _path(name: bytes) -> str:
    return "/".join(part.decode("utf-8", "replace") for part in name.split(b"/") if part not in (b"", b"."))


def _number(digits: bytes) -> int:
    """Read octal digits, or a number in base 256; 0 for nonsense."""
    if digits[:1] in (b"\x80", b"\xff"):
        return max(0, int.from_bytes(digits[1:], "big"))
    text = digits.strip(b" ").partition(b"\0")[0].strip(b" ")
    return int(text, 8) if text and not text.strip(b"01234567") else 0
