"""The checksums of a file, taken in one pass."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Checksums:
    """Size in bytes and lower-case hex digests of one run of bytes."""

    size: int
    md5: str
    sha1: str
    sha256: str
    sha512: str


class ChecksumPass:
    """Takes all checksums while bytes go by."""

    def __init__(self) -> None:
        # MD5 and SHA-1 are fields of the repository format, not protection.
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha1 = hashlib.sha1(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._sha512 = hashlib.sha512()
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        for digest in (self._md5, self._sha1, self._sha256, self._sha512):
            digest.update(chunk)

    def result(self) -> Checksums:
        """Give the checksums of all bytes taken so far."""
        return Checksums(
            self.size,
            self._md5.hexdigest(),
            self._sha1.hexdigest(),
            self._sha256.hexdigest(),
            self._sha512.hexdigest(),
        )


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """Read a stream to its end in chunks of at most 1 MiB."""
    while chunk := stream.read(CHUNK_BYTES):
        yield chunk


def checksums_of(chunks: Iterable[bytes]) -> Checksums:
    """Give the checksums of bytes that come in chunks."""
    checksum_pass = ChecksumPass()
    for chunk in chunks:
        checksum_pass.update(chunk)
    return checksum_pass.result()


def checksums_of_bytes(data: bytes) -> Checksums:
    """Give the checksums of bytes in memory."""
    return checksums_of([data])


def checksums_of_file(path: Path) -> Checksums:
    """Give the checksums of a file, reading it once."""
    with path.open("rb") as stream:
        return checksums_of(chunks_of(stream))
