"""The compressed forms of an index. The same bytes in give the same bytes out: no time, no file name."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Callable, Mapping


def gzip_form(text: bytes) -> bytes:
    """Give the gzip form, one member, header without time and name (RFC 1952)."""
    return gzip.compress(text, compresslevel=9, mtime=0)


def xz_form(text: bytes) -> bytes:
    """Give the xz form as one stream: apt refuses concatenated xz streams."""
    return lzma.compress(text, format=lzma.FORMAT_XZ, check=lzma.CHECK_CRC64, preset=6)


FORMS: Mapping[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip_form, ".xz": xz_form}
"""How each form of an index is made, by the ending of its name; "" is the text itself."""

READERS: Mapping[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress}
"""How each form is read back."""
