"""The compressed forms of an index, made of parts that are compressed one by one. Same bytes in, same bytes out.

gzip members stand one after the other (RFC 1952). xz parts are blocks of ONE stream, since apt refuses streams that
stand one after the other: a header, the blocks, an index of their sizes, a footer (the .xz file format, section 2-4).
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import deflate

FORMAT = f"2-deflate{deflate.__version__}"
"""Names the way in which parts are cut and compressed: another one gives other bytes for the same text."""

_CHECK = lzma.CHECK_CRC64
_HEADER_SIZE = 12
_FOOTER_SIZE = 12
# A dictionary larger than a part costs time only: xz's own choice clears 8 MiB for each. Preset 5 takes three quarters
# of the time of 6, for 0.4 % more bytes (measured on the parts of Debian's index).
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 5, "dict_size": 1024 * 1024}]
_EMPTY_XZ = lzma.compress(b"", format=lzma.FORMAT_XZ, check=_CHECK, filters=_FILTERS)

XZ_HEADER = _EMPTY_XZ[:_HEADER_SIZE]
"""How every xz form begins."""
_FLAGS = XZ_HEADER[6:8]

# libdeflate at 7 takes half the time of zlib at 9, for 2 % fewer bytes (measured on the parts of Debian's index); at 12
# it takes ten times as long as that for 2.5 % fewer: worth it for what is small, and sent to every client.
_LEVEL, _BEST_LEVEL = 7, 12
_SMALL_BYTES = 16 * 1024


def gzip_member(text: bytes) -> bytes:
    """Return a part's gzip form: one member, its header without time and name (RFC 1952)."""
    return bytes(deflate.gzip_compress(text, _BEST_LEVEL if len(text) <= _SMALL_BYTES else _LEVEL))


EMPTY_GZIP = gzip_member(b"")
"""The gzip form of an index without a part."""

UNCOMPRESSED, GZIP, XZ = "", ".gz", ".xz"
"""The forms of an index, by the ending of its name."""

ENDINGS: Mapping[str, str] = {"plain": UNCOMPRESSED, "gz": GZIP, "xz": XZ}
"""The endings by the names that forms have in `repository.yaml`."""

READERS: Mapping[str, Callable[[bytes], bytes]] = {UNCOMPRESSED: bytes, GZIP: gzip.decompress, XZ: lzma.decompress}
"""How each form is read back, whole."""

UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError)
"""What readers raise for bytes that are damaged or not of the form."""


@dataclass(frozen=True, slots=True)
class XzBlock:
    """A block as it stands in a stream, padded to a multiple of four bytes; `unpadded` is its size without that."""

    body: bytes
    unpadded: int


def xz_block(text: bytes) -> XzBlock:
    """Return a part's xz form; `text` is not empty."""
    stream = lzma.compress(text, format=lzma.FORMAT_XZ, check=_CHECK, filters=_FILTERS)
    index = len(stream) - _FOOTER_SIZE - _index_size(stream)
    # The index holds one record: an indicator, the number 1, then this size.
    return XzBlock(stream[_HEADER_SIZE:index], _read_variable(stream, index + 2))


def read_xz_block(block: XzBlock, size: int) -> bytes:
    """Return the text, of `size` bytes, of one block; raise `lzma.LZMAError`."""
    return lzma.decompress(XZ_HEADER + block.body + xz_tail([(block.unpadded, size)]))


def xz_tail(blocks: Iterable[tuple[int, int]]) -> bytes:
    """Return what ends an xz form after its blocks; of each block the size without padding, and that of its text."""
    records = b""
    count = 0
    for unpadded, size in blocks:
        records += _variable(unpadded) + _variable(size)
        count += 1
    index = b"\0" + _variable(count) + records
    index += bytes(-len(index) % 4)
    index += _crc(index)
    rest = (len(index) // 4 - 1).to_bytes(4, "little") + _FLAGS
    return index + _crc(rest) + rest + b"YZ"


def padded(size: int) -> int:
    """Return a block's size in the file: a multiple of four."""
    return size + -size % 4


def _index_size(stream: bytes) -> int:
    return (int.from_bytes(stream[-8:-4], "little") + 1) * 4


def _variable(number: int) -> bytes:
    """Return a number as the format writes it: seven bits a byte, lowest first, all but the last marked."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_variable(data: bytes, at: int) -> int:
    number = shift = 0
    while data[at] & 0x80:
        number |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
    return number | data[at] << shift


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")
