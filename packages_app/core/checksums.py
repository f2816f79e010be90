"""The checksums of a file, taken in one pass."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from queue import Queue
from typing import BinaryIO, Protocol

from packages_app.core.conflict import FileIdentity
from packages_app.core.threads import Threads

CHUNK_BYTES = 1024 * 1024
_ALONE_BYTES = 2 * CHUNK_BYTES
"""Up to so much is hashed one digest after the other: threads would cost more than they save."""
_CHUNKS_BEHIND = 8
"""So far a digest may be behind the reading."""


@dataclass(frozen=True)
class Checksums:
    """Size in bytes and lower-case hex digests of one run of bytes."""

    size: int
    md5: str
    sha1: str
    sha256: str
    sha512: str

    @property
    def file_identity(self) -> FileIdentity:
        """What tells a file of these bytes from every other."""
        return FileIdentity(self.sha256, self.size)


class ChecksumPass:
    """Takes all checksums while bytes go by."""

    def __init__(self) -> None:
        # MD5 and SHA-1 are fields of the repository format, not protection.
        self._digests = (
            hashlib.md5(usedforsecurity=False),
            hashlib.sha1(usedforsecurity=False),
            hashlib.sha256(),
            hashlib.sha512(),
        )
        self.size = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.size += len(chunk)
        for digest in self._digests:
            digest.update(chunk)

    def update_all(self, chunks: Iterable[bytes]) -> None:
        """Take bytes that come in chunks, each read once, in a thread a digest: hashlib lets go of the interpreter."""
        waiting: list[Queue[bytes | None]] = [Queue(_CHUNKS_BEHIND) for _ in self._digests]
        with Threads(len(waiting), thread_name_prefix="digest") as threads:
            work = [threads.submit(_digest, *each) for each in zip(self._digests, waiting, strict=True)]
            try:
                for chunk in chunks:
                    self.size += len(chunk)
                    for queue in waiting:
                        queue.put(chunk)
            finally:
                for queue in waiting:
                    queue.put(None)
        for done in work:
            done.result()

    def result(self) -> Checksums:
        """Return the checksums of all bytes taken so far."""
        return Checksums(self.size, *(digest.hexdigest() for digest in self._digests))


class _Digest(Protocol):
    def update(self, chunk: bytes, /) -> None: ...


def _digest(digest: _Digest, waiting: Queue[bytes | None]) -> None:
    while (chunk := waiting.get()) is not None:
        digest.update(chunk)


def chunks_of(stream: BinaryIO, count: int = sys.maxsize) -> Iterator[bytes]:
    """Read a stream to its end, or the next `count` bytes of it, in chunks of at most 1 MiB."""
    while chunk := stream.read(min(CHUNK_BYTES, count)):
        count -= len(chunk)
        yield chunk


def checksums_of(chunks: Iterable[bytes]) -> Checksums:
    """Return the checksums of bytes that come in chunks."""
    checksum_pass, coming = ChecksumPass(), iter(chunks)
    for chunk in coming:
        if checksum_pass.size + len(chunk) > _ALONE_BYTES:
            checksum_pass.update_all(chain((chunk,), coming))
        else:
            checksum_pass.update(chunk)
    return checksum_pass.result()


def sha256_of(chunks: Iterable[bytes]) -> str:
    """Return the SHA256 alone, in lower-case hex, of bytes that come in chunks; all of them take four times as long."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def checksums_of_bytes(data: bytes) -> Checksums:
    """Return the checksums of bytes in memory."""
    checksum_pass = ChecksumPass()
    if len(data) > _ALONE_BYTES:
        checksum_pass.update_all((data,))
    else:
        checksum_pass.update(data)
    return checksum_pass.result()


def checksums_of_file(path: Path) -> Checksums:
    """Return the checksums of a file, reading it once."""
    with path.open("rb") as stream:
        return checksums_of(chunks_of(stream))
