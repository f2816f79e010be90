"""Index files written to a folder of this machine, their hashes taken as they are written."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from packages_app.indexes.release import ReleaseEntry


@dataclass(frozen=True)
class IndexFile:
    """One index as a publication has it: its name relative to the suite, what Release lists of it, and its file.

    `path` is None for an index that stays as it is published, and for one that is listed only, not `stored`.
    """

    name: str
    entry: ReleaseEntry
    path: Path | None
    stored: bool = True


def write_file(folder: Path, name: str, body: bytes) -> IndexFile:
    """Write a small one below a folder."""
    with IndexSink(folder / name) as sink:
        sink.write(body)
    return IndexFile(name, sink.entry(), sink.path)


class IndexSink:
    """Takes an index's bytes, for a file or (None) for its hashes alone."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        # MD5 and SHA-1 are fields of the repository format, not protection.
        self._md5, self._sha1 = hashlib.md5(usedforsecurity=False), hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._size = 0

    def __enter__(self) -> Self:
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, data: bytes) -> None:
        """Take the next bytes."""
        self._size += len(data)
        for digest in (self._md5, self._sha1, self._sha256):
            digest.update(data)
        if self._file is not None:
            self._file.write(data)

    def sha256_so_far(self) -> hashlib._Hash:
        """Return a copy of the SHA256 of all bytes taken so far, to go on with."""
        return self._sha256.copy()

    def entry(self) -> ReleaseEntry:
        """Return what Release is to list of the bytes taken."""
        return ReleaseEntry(self._size, self._md5.hexdigest(), self._sha1.hexdigest(), self._sha256.hexdigest())
