"""Decompression with a bound: a bomb ends at the bound, not at the end of memory."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

import zstandard

from packages_app.core.errors import InvalidDeb

_MEMORY_LIMIT = 128 * 1024 * 1024  # xz -9 needs 65 MiB to decompress (xz(1))
_ZSTD_WINDOW = 128 * 1024 * 1024
_CHUNK = 64 * 1024
# zstd gives all that its input unpacks to at once: 128 KiB for 4 bytes in the worst case (RFC 8878, 3.1.1.2).
_ZSTD_SLICE = 128

MAGIC = {".gz": b"\x1f\x8b", ".xz": b"\xfd7zXZ\x00", ".zst": b"\x28\xb5\x2f\xfd", ".bz2": b"BZh", ".lzma": b"\x5d\x00"}
"""How a compressed member begins, by the ending of its name."""
_PADDED = (".gz", ".xz")
"""What NULs may stand behind: xz pads (the .xz file format, 2.2), and gzip(1), zlib and dpkg pass over them."""
_SKIPPED = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18(.{4})", re.DOTALL)
"""How a frame of zstd begins that every reader skips, with its length (RFC 8878, 3.1.2)."""
_SKIPPED_HEAD = 8
_REST_LIMIT = 1024 * 1024
_REMEDY = "Fetch or upload the file again, whole; what unpacks so is no package's member."
_REMEDY_OF_MEMORY = (
    "If the package is yours, build it again with a smaller one: `dpkg-deb -Zxz -z9` is well below, and zstd without "
    "--long and --ultra. Else ask its maker to: every client needs that memory too."
)
_FAILURES = (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError, zstandard.ZstdError, MemoryError)


class _Decompressor(Protocol):
    """What the standard library's decompressors have in common; zlib and zstandard are made to fit."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...


class _Gzip:
    """What zlib did not take yet is given again on the next call."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail


class _Zstd:
    """Input goes in by small slices, and what came out beyond `max_length` waits for the next call."""

    def __init__(self) -> None:
        self._zstd = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW).decompressobj()
        self._in = self._out = b""
        self._at = 0

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if data:
            self._in, self._at = self._in[self._at :] + data, 0
        if not self._out and self._at < len(self._in) and not self._zstd.eof:
            self._out = self._zstd.decompress(self._in[self._at : self._at + _ZSTD_SLICE])
            self._at += _ZSTD_SLICE
        given, self._out = self._out[:max_length], self._out[max_length:]
        return given

    @property
    def eof(self) -> bool:
        return self._zstd.eof and not self._out

    @property
    def unused_data(self) -> bytes:
        return self._zstd.unused_data + self._in[self._at :]

    @property
    def needs_input(self) -> bool:
        return self._at >= len(self._in) and not self._out


_DECOMPRESSORS: dict[str, Callable[[], _Decompressor]] = {
    ".gz": _Gzip,
    ".xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT),
    ".lzma": lambda: lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MEMORY_LIMIT),
    ".bz2": bz2.BZ2Decompressor,
    ".zst": _Zstd,
}


def decompressed(chunks: Iterator[bytes], ending: str, limit: int, name: str, *, whole: bool) -> bytes:
    """Return at most `limit` bytes of a compressed member that comes in chunks.

    `ending` is one of `MAGIC` or "" for none. With `whole` the member must end within the limit, in one stream with
    nothing but padding behind it, since dpkg reads on where there is more; else the first `limit` bytes are enough.
    Raises `InvalidDeb` that names the member.
    """
    try:
        if ending:
            out = b"".join(_stepwise(chunks, ending, _DECOMPRESSORS[ending](), limit + 1, alone=whole))
        else:
            out = b"".join(_bounded(chunks, limit + 1))
    except _FAILURES as error:
        raise _failed(name, error) from error
    if whole and len(out) > limit:
        raise InvalidDeb(f"The member {name} unpacks to more than {limit} bytes.", remedy=_REMEDY)
    return out[:limit]


def unpacked_chunks(chunks: Iterator[bytes], ending: str, limit: int, name: str) -> Iterator[bytes]:
    """Yield what a member unpacks to, about `limit` bytes, as dpkg reads it: of gzip on into a stream behind the first.

    Raise `InvalidDeb` that names the member where it can't be unpacked, after what could be; and for a second stream of
    another kind, which some readers go on into: dpkg does not, and would install a part of the package.
    """
    left = limit
    try:
        packed: Iterator[bytes] = chunks
        while left > 0:
            begins = next(packed, b"")
            if not begins:
                return
            if not ending:
                yield begins[:left]
                left -= len(begins)
                continue
            decompressor = _DECOMPRESSORS[ending]()
            for out in _stepwise(chain([begins], packed), ending, decompressor, left, alone=False):
                left -= len(out)
                yield out
            if left > 0 and not decompressor.eof:
                raise ValueError("it ends early")
            packed = chain([decompressor.unused_data] if decompressor.unused_data else [], packed)
            begins = next(packed, b"")
            if len(begins) == 1:
                begins += next(packed, b"")
            if decompressor.eof and not (ending == ".gz" and begins.startswith(MAGIC[ending])):
                if not _is_passed_over(_rest(begins, packed), ending):
                    raise ValueError("there is more behind its end, which dpkg would leave out")
                return
            packed = chain([begins] if begins else [], packed)
    except _FAILURES as error:
        raise _failed(name, error) from error


def _failed(name: str, error: Exception) -> InvalidDeb:
    if "memory" in str(error).lower() or isinstance(error, MemoryError):  # no library has a type or number of its own
        return InvalidDeb(
            f"The member {name} can't be decompressed: it is packed with a dictionary that needs more memory than the "
            f"{_MEMORY_LIMIT >> 20} MiB that it is given.",
            remedy=_REMEDY_OF_MEMORY,
        )
    return InvalidDeb(f"The member {name} can't be decompressed: {error}.", remedy=_REMEDY)


def _is_passed_over(rest: bytes, ending: str) -> bool:
    """Say whether what stands behind the end of a stream is nothing to any reader."""
    at = 0
    while ending == ".zst" and (found := _SKIPPED.match(rest, at)):
        at += _SKIPPED_HEAD + int.from_bytes(found[1], "little")
    padded = ending in _PADDED and not rest.strip(b"\0")
    return len(rest) <= _REST_LIMIT and (padded or at == len(rest))


def _rest(begins: bytes, chunks: Iterator[bytes]) -> bytes:
    return b"".join(_bounded(chain([begins], chunks), _REST_LIMIT + 1))


def _bounded(chunks: Iterator[bytes], limit: int) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk[:limit]
        limit -= len(chunk)
        if limit <= 0:
            return


def _stepwise(
    chunks: Iterator[bytes], ending: str, decompressor: _Decompressor, limit: int, *, alone: bool
) -> Iterator[bytes]:
    for chunk in chunks:
        data = chunk
        while True:
            out = decompressor.decompress(data, min(_CHUNK, limit))
            yield out
            limit -= len(out)
            if limit <= 0:
                return
            if decompressor.eof:
                if alone and not _is_passed_over(_rest(decompressor.unused_data, chunks), ending):
                    raise ValueError("there is more behind its end")
                return
            if decompressor.needs_input:
                break
            data = b""
    raise EOFError("it ends too early")
