"""Compressed streams made to fill the memory, to go on for ever, or to hold a second package behind the first."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial

import zstandard

from tests.debian.parts import CONTROL_ENTRY, CONTROL_TAR, DATA_TAR, END, MIB, OTHER, Make, deb, entry
from tests.debs import COMPRESS

ZSTD_HEAD = b"\x28\xb5\x2f\xfd\x00\x58"  # no content size, a window of 2 MiB
ZSTD_SKIPPED = b"\x50\x2a\x4d\x18\x00\x00\x00\x00"


def _zeros(size: int) -> bytes:
    return b"\0" * size


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()


def _xz(body: bytes) -> bytes:
    return lzma.compress(body, preset=0)


def _lzma(body: bytes) -> bytes:
    return lzma.compress(body, lzma.FORMAT_ALONE, preset=0)


def _zstd_blocks(blocks: bytes) -> bytes:
    return ZSTD_HEAD + blocks + b"\x01\x00\x00"


def _xz_with_dictionary(size_byte: int) -> bytes:
    """Give a control member whose xz block claims a dictionary (.xz file format 5.3.1: 40 stands for 4 GiB)."""
    packed = bytearray(_xz(CONTROL_TAR))
    at = packed.index(b"\x21\x01", 12) + 2
    packed[at] = size_byte
    length = (packed[12] + 1) * 4
    packed[12 + length - 4 : 12 + length] = zlib.crc32(packed[12 : 12 + length - 4]).to_bytes(4, "little")
    return bytes(packed)


def zstd_window(log: int) -> bytes:
    """Give a control member packed with a window of 2**log bytes."""
    parameters = zstandard.ZstdCompressionParameters(window_log=log, compression_level=1)
    out = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(out, closefd=False) as writer:
        writer.write(CONTROL_TAR)
    return out.getvalue()


def bombs() -> Iterator[tuple[str, Make]]:
    """Streams that unpack to much, in one or in many, or to nothing for ever; and a second one with another package."""
    packers: dict[str, Callable[[bytes], bytes]] = {".gz": _gzip, ".xz": _xz, ".zst": COMPRESS[".zst"]}
    for ending, pack in packers.items():
        yield f"bomb{ending}", lambda p=pack, e=ending: deb(p(CONTROL_TAR + _zeros(100 * MIB)), e)
        yield f"bomb{ending}-of-members", lambda p=pack, e=ending: deb(p(CONTROL_TAR) + p(_zeros(MIB)) * 1000, e)
        yield f"bomb{ending}-of-empty-members", lambda p=pack, e=ending: deb(p(CONTROL_TAR) + p(b"") * 200_000, e)
        yield f"empty-members-first{ending}", lambda p=pack, e=ending: deb(p(b"") * 200_000 + p(CONTROL_TAR), e)
        second = pack(CONTROL_ENTRY) + pack(entry(b"./control", OTHER) + END)
        yield f"second-stream{ending}", partial(deb, second, ending)
        yield f"bytes-behind{ending}", partial(deb, pack(CONTROL_TAR) + b"\0" * 8 + b"\n", ending)
        skipped = ZSTD_SKIPPED[:4] + b"\xff\0\0\0" + b"x" * 254  # and one byte is not there
        yield f"skipped-frame-that-is-short{ending}", partial(deb, pack(CONTROL_TAR) + skipped, ending)
        yield f"twice{ending}", lambda p=pack, e=ending: deb(p(p(_zeros(MIB))), e)
        yield f"packed-9-MiB{ending}", lambda e=ending: deb(_zeros(9 * MIB), e)
    gz_head = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"
    yield "gz-extra-for-ever", lambda: deb(gz_head % 4 + b"\xff\xff" + b"x" * 65535 * 9, ".gz")
    yield "gz-name-for-ever", lambda: deb(gz_head % 8 + b"x" * 9 * MIB, ".gz")
    yield "gz-empty-blocks", lambda: deb(gz_head % 0 + b"\0\0\0\xff\xff" * 2 * MIB, ".gz")
    yield "gz-empty-blocks-8-MiB", lambda: deb(gz_head % 0 + b"\0\0\0\xff\xff" * (8 * MIB // 5), ".gz")
    yield "zst-skipped-frames-behind", lambda: deb(COMPRESS[".zst"](CONTROL_TAR) + ZSTD_SKIPPED * MIB + b"x", ".zst")
    yield "zst-NULs-behind", partial(deb, COMPRESS[".zst"](CONTROL_TAR) + b"\0" * 8, ".zst")
    yield "zst-skipped-frames", lambda: deb(ZSTD_SKIPPED * MIB + COMPRESS[".zst"](CONTROL_TAR), ".zst")
    yield "zst-skipped-4-GiB", partial(deb, ZSTD_SKIPPED[:4] + b"\xff" * 4 + CONTROL_TAR, ".zst")
    yield "zst-blocks-of-one-byte", lambda: deb(_zstd_blocks(b"\x02\x00\x10\x00" * 10_000), ".zst")
    yield "zst-empty-blocks", lambda: deb(_zstd_blocks(b"\0\0\0" * (2 * MIB)), ".zst")
    for log in (28, 30):
        yield f"zst-window-2^{log}", partial(lambda log: deb(zstd_window(log), ".zst"), log)
    for size in (30, 33, 37, 40, 41, 255):
        yield f"xz-dictionary-{size}", partial(lambda size: deb(_xz_with_dictionary(size), ".xz"), size)
    endless: dict[str, Make] = {
        ".gz": lambda: gz_head % 0 + b"\0\0\0\xff\xff" * MIB,
        ".xz": lambda: _xz(b"") * 100_000,
        ".zst": lambda: ZSTD_HEAD + b"\0\0\0" * MIB,
        ".bz2": lambda: bz2.compress(b"") * 250_000,
    }
    for ending, make in endless.items():
        yield f"data-endless{ending}", lambda m=make, e=ending: deb(CONTROL_TAR, "", (f"data.tar{e}", m()))
        yield (
            f"data-garbage{ending}",
            lambda m=make, e=ending: deb(CONTROL_TAR, "", (f"data.tar{e}", m()[:6] + b"?" * MIB)),
        )
    packers |= {".bz2": bz2.compress, ".lzma": _lzma}
    for ending, pack in packers.items():
        bomb = lambda p=pack, e=ending: deb(CONTROL_TAR, "", (f"data.tar{e}", p(b"x" * 50 * MIB)))  # noqa: E731
        yield f"data-bomb{ending}", bomb
        yield f"data-short{ending}", lambda p=pack, e=ending: deb(CONTROL_TAR, "", (f"data.tar{e}", p(b"\0" * 511)))
    huge = b"\x5d\x00\x00\xff\xff" + b"\xff" * 8 + _lzma(DATA_TAR)[13:]
    yield "data-dictionary.lzma", partial(deb, CONTROL_TAR, "", ("data.tar.lzma", huge))
