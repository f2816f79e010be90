"""What a `.deb` would do on a client, as far as it can be seen: its maintainer scripts and the files that it unpacks.

Read beside the checks that refuse a package. As far as the look goes, what dpkg would not unpack is refused here too:
those checks see no more of a data member than its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO

from packages_app.core.errors import InvalidDeb
from packages_app.debian.ar import chunks_of_member
from packages_app.debian.control import REMEDY
from packages_app.debian.control_members import kept_conffiles, removed_conffiles
from packages_app.debian.data_tar import (
    FOLDER,
    HARD_LINK,
    REGULAR,
    SYMBOLIC_LINK,
    Blocks,
    DataMember,
    data_members,
)
from packages_app.debian.data_tree import DataTree
from packages_app.debian.deb_file import OpenedDeb
from packages_app.debian.decompression import unpacked_chunks

UNPACKED_LIMIT = 1024 * 1024 * 1024
"""So much of a data member is looked at: unpacking costs more than all else of intake, and a member may have no end."""
CONTENT_LIMIT = 1024 * 1024

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
    stream: BinaryIO, opened: OpenedDeb, *, keep: Callable[[UnpackedFile], bool], wanted: Wanted = lambda _path: False
) -> Payload:
    """Read what a `.deb` unpacks that was opened in a stream; of its files those that `keep` holds to be worth it.

    The content of `wanted` files is read, of each a megabyte at most. Raise `InvalidDeb` for a data member that dpkg
    does not unpack.
    """
    member, conffiles = opened.data, opened.files.get("conffiles", b"")
    tree = DataTree(removed_conffiles(conffiles), kept_conffiles(conffiles))
    packed, ending = chunks_of_member(stream, member), member.name.removeprefix("data.tar")
    blocks = Blocks(unpacked_chunks(packed, ending, UNPACKED_LIMIT, member.name), UNPACKED_LIMIT)
    files: list[UnpackedFile] = []
    for found in data_members(blocks, member.name, lambda name: CONTENT_LIMIT if wanted(_path(name)) else 0):
        tree.add(found.name, found.kind, found.target)
        if found.kind != FOLDER and keep(file := _unpacked(found)):
            files.append(file)
    blocks.pass_over_rest()
    if blocks.are_short:
        raise InvalidDeb(f"The member {member.name} ends within a file.", remedy=REMEDY)
    if not blocks.reached_limit:
        tree.check_end()
    return Payload(opened.files, tuple(files), not blocks.reached_limit)


def _unpacked(member: DataMember) -> UnpackedFile:
    mode = member.mode if member.kind in (REGULAR, HARD_LINK) else 0
    link = member.target.decode("utf-8", "replace") if member.kind == SYMBOLIC_LINK else ""
    plain = member.kind == REGULAR
    return UnpackedFile(_path(member.name), mode, member.content, member.size, plain, link, member.of_root)


def _path(name: bytes) -> str:
    return "/".join(part.decode("utf-8", "replace") for part in name.split(b"/") if part not in (b"", b"."))
