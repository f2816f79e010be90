"""An .xz file read with a bound on the memory that its dictionary may ask for, which `lzma.open` does not set."""

from __future__ import annotations

import lzma
from pathlib import Path
from types import TracebackType
from typing import Self

_MEMORY_LIMIT = 128 * 1024 * 1024  # xz -9 needs 65 MiB to decompress (xz(1))
_PACKED_AT_ONCE = 64 * 1024


class BoundedXz:
    """The plain bytes of an .xz file, its streams one after the other; opened for reading as `lzma.open` opens it."""

    def __init__(self, path: Path) -> None:
        self._stream = path.open("rb")
        self._packed = b""
        self._decompressor = _decompressor()

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end; raise `lzma.LZMAError` or `EOFError` for a broken file."""
        while True:
            if self._decompressor.eof:
                self._packed = self._decompressor.unused_data.lstrip(b"\0") or self._more().lstrip(b"\0")
                if not self._packed:
                    return b""
                self._decompressor = _decompressor()
            elif self._decompressor.needs_input and not self._packed:
                self._packed = self._more()
                if not self._packed:
                    raise EOFError("it ends too early")
            packed, self._packed = self._packed, b""
            if plain := self._decompressor.decompress(packed, size):
                return plain

    def _more(self) -> bytes:
        return self._stream.read(_PACKED_AT_ONCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stream.close()


def _decompressor() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY_LIMIT)
