"""The keyrings inside a bootstrap package, which its clients will trust."""

from __future__ import annotations

import os
from pathlib import Path

from packages_app.core.errors import InvalidDeb
from packages_app.debian.ar import REMEDY, ar_members, chunks_of_member
from packages_app.debian.decompression import decompressed
from packages_app.debian.tar import tar_members

_LIMIT = 16 * 1024 * 1024
_FOLDERS = ((b"usr", b"share", b"keyrings"), (b"etc", b"apt", b"keyrings"), (b"etc", b"apt", b"trusted.gpg.d"))
_ENDINGS = (".gz", ".xz", ".zst", "")


def keyrings_in(path: Path) -> dict[str, bytes]:
    """Return the files of a `.deb` where apt looks for keyrings, by their paths on a client; it may hold none.

    Raise `InvalidDeb` for a data member that is larger than a bootstrap package's, packed in an old way, or with links.
    """
    with path.open("rb") as stream:
        members = ar_members(stream, os.fstat(stream.fileno()).st_size)
        data = next((member for member in members if member.name.startswith("data.tar")), None)
        if data is None or data.name.removeprefix("data.tar") not in _ENDINGS:
            raise InvalidDeb(f"{path.name} holds no data member that is read for keyrings.", remedy=REMEDY)
        ending = data.name.removeprefix("data.tar")
        archive = decompressed(chunks_of_member(stream, data, _LIMIT), ending, _LIMIT, data.name, whole=True)
    return {
        "/" + b"/".join(member.parts).decode("utf-8", "replace"): archive[member.offset : member.offset + member.size]
        for member in tar_members(archive, data.name)
        if not member.folder and tuple(member.parts[:-1]) in _FOLDERS
    }
