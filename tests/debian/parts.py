"""What packages are put together from, sound or not: ar and tar members with fields as a test says, pax records."""

from __future__ import annotations

from collections.abc import Callable

from tests.debs import COMPRESS, ar_archive, tar_archive

CONTROL = b"Package: tool\nVersion: 1.0\nArchitecture: amd64\nMaintainer: M <m@example.org>\nDescription: a tool\n"
OTHER = CONTROL.replace(b"1.0", b"6.6.6")
BINARY = ("debian-binary", b"2.0\n")
DATA_TAR = tar_archive({"./usr/x": b"x"})
DATA = ("data.tar", DATA_TAR)
CONTROL_TAR = tar_archive({"./control": CONTROL})
MIB = 1024 * 1024
END = b"\0" * 1024

Make = Callable[[], bytes]


def deb(control_tar: bytes, ending: str = "", data: tuple[str, bytes] = DATA) -> bytes:
    """Give a package around a control member as it stands."""
    return ar_archive(BINARY, (f"control.tar{ending}", control_tar), data)


def with_control(text: bytes) -> bytes:
    """Give a package with a control file."""
    return deb(COMPRESS[".gz"](tar_archive({"./control": text})), ".gz")


def entry(name: bytes, body: bytes = b"", *, kind: bytes = b"0", size: bytes | None = None, link: bytes = b"") -> bytes:
    """Give a tar member; `size` is the size field as it stands, where it is not the body's."""
    field = b"%011o\0" % len(body) if size is None else size
    head = bytearray(512)
    head[:100] = name[:100].ljust(100, b"\0")
    head[100:124] = b"0000644\0" + b"0000000\0" * 2
    head[124:136] = field.ljust(12, b"\0")
    head[136:148] = b"%011o\0" % 0
    head[148:156] = b" " * 8
    head[156:157] = kind
    head[157:257] = link[:100].ljust(100, b"\0")
    head[257:265] = b"ustar\x0000"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + body + b"\0" * (-len(body) % 512)


def pax(records: bytes, kind: bytes = b"x") -> bytes:
    """Give a pax header."""
    return entry(b"./PaxHeaders/control", records, kind=kind)


def record(keyword: bytes, value: bytes) -> bytes:
    """Give a pax record with the length that is right."""
    rest = b" " + keyword + b"=" + value + b"\n"
    length = len(rest) + 1
    while len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d" % length + rest


CONTROL_ENTRY = entry(b"./control", CONTROL)


def base256(number: int) -> bytes:
    """Give a size field in base 256, as GNU tar writes large and negative ones."""
    return (number & (2**96 - 1) | (0x80 << 88 if number >= 0 else 0)).to_bytes(12, "big")
