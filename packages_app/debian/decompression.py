"""Decompression with a bound: a bomb ends at the bound, not at the end of memory."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Protocol, cast

import zstandard

from packages_app.core.errors import InvalidDeb

_MEMORY_LIMIT = 128 * 1024 * 1024  # xz -9 needs 65 MiB to decompress (xz(1))
_ZSTD_WINDOW = 128 * 1024 * 1024
_CHUNK = 64 * 1024

MAGIC = {".gz": b"\x1f\x8b", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".lzma": b"\x5d\x00"}
"""How a compressed member begins, by the ending of its name."""


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _Gzip:
    """zlib with the interface of the other decompressors: what it did not take yet is given again on the next call."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)
        self.eof = False

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        out = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self.eof = self._zlib.eof
        return out

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    ".gz": _Gzip,
    ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT),
    ".lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY_LIMIT),
    ".bz2": bz2.BZ2Decompressor,
}


def decompressed(chunks: Iterator[bytes], ending: str, limit: int, name: str, *, whole: bool) -> bytes:
    """Give at most `limit` bytes of a compressed member that comes in chunks.

    `ending` is one of `MAGIC` or "" for none. With `whole` the member must end within the limit, else the first
    `limit` bytes are enough. Raises `InvalidDeb` that names the member.
    """
    remedy = "Build the package again with dpkg-deb; a control member of this size is not a package's."
    try:
        out = b"".join(_pieces(chunks, ending, limit + 1))
    except (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, zstandard.ZstdError, MemoryError) as error:
        raise InvalidDeb(f"The member {name} can't be decompressed: {error}.", remedy=remedy) from error
    if whole and len(out) > limit:
        raise InvalidDeb(f"The member {name} unpacks to more than {limit} bytes.", remedy=remedy)
    return out[:limit]


def _pieces(chunks: Iterator[bytes], ending: str, limit: int) -> Iterator[bytes]:
    if ending == "":
        yield from _bounded(chunks, limit)
    elif ending == ".zst":
        reader = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).stream_reader(
            cast("IO[bytes]", _Chunks(chunks))
        )
        yield from _bounded(iter(lambda: reader.read(_CHUNK), b""), limit)
    else:
        yield from _stepwise(chunks, _DECOMPRESSORS[ending](), limit)


def _bounded(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            return


def _stepwise(chunks: Iterator[bytes], decompressor: _Decompressor, limit: int) -> Iterator[bytes]:
    state: object = decompressor
    for chunk in chunks:
        data = chunk
        while True:
            out = decompressor.decompress(data, min(_CHUNK, limit))
            yield out
            limit -= len(out)
            if limit <= 0 or getattr(state, "eof", False):
                return
            data = b""
            if getattr(state, "needs_input", True):
                break
    raise EOFError("it ends too early")


class _Chunks(io.RawIOBase):
    """Chunks as the readable that zstandard wants."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._rest = self._rest or next(self._chunks, b"")
        taken, self._rest = (self._rest, b"") if size < 0 else (self._rest[:size], self._rest[size:])
        return taken
