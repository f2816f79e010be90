"""A corpus of `.deb` files made to crash, to hang, to fill the memory, or to show another package than dpkg sees.

`FILES` gives for each name what makes its bytes. Each is to be refused, but those of `SOUND`, which only look odd.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from functools import partial

from tests.debian.bombs import ZSTD_SKIPPED, bombs, zstd_window
from tests.debian.parts import (
    BINARY,
    CONTROL,
    CONTROL_ENTRY,
    CONTROL_TAR,
    DATA,
    DATA_TAR,
    END,
    MIB,
    OTHER,
    Make,
    base256,
    deb,
    entry,
    pax,
    record,
    with_control,
)
from tests.debs import COMPRESS, ar_archive


def truncated() -> Iterator[tuple[str, Make]]:
    """Cut a package at each boundary and inside each part; and its control member, wrapped whole again."""
    for ending, compress in COMPRESS.items():
        members = [BINARY, (f"control.tar{ending}", compress(CONTROL_TAR)), (f"data.tar{ending}", compress(DATA_TAR))]
        whole = ar_archive(*members)
        cuts, at = {1, 7, 8}, 8
        for _, body in members:
            cuts |= {at + 1, at + 30, at + 59, at + 60, at + 60 + len(body) // 2, at + 60 + len(body) - 1}
            at += 60 + len(body) + len(body) % 2
            cuts.add(at)
        for cut in sorted(cuts - {len(whole), len(whole) - 1}):
            yield f"cut{ending}-at-{cut}", partial(bytes, whole[:cut])
        packed = compress(CONTROL_TAR)
        for left in (0, 1, 5, len(packed) // 2, len(packed) - 9, len(packed) - 1):
            if ending:
                yield f"control{ending}-of-{left}-bytes", partial(deb, packed[:left], ending)
        for left in (0, 511, 513, 1023, 1025, 1536 + 20):
            yield f"control-tar{ending}-of-{left}-bytes", partial(deb, compress(CONTROL_TAR[:left]), ending)


def ar_headers() -> Iterator[tuple[str, Make]]:
    """Sizes and names in ar headers that make no sense."""
    good = deb(CONTROL_TAR)
    sizes = [
        b"-4",
        b"+4",
        b"4_0",
        b"0x4",
        b"",
        b"9999999999",
        b"\xb24",
        b"4e1",
        b"4 4",
        b"\0",
        b"4\0",
        b"00000000-1",
    ]
    for size in sizes:
        changed = good.replace(b"4         `\n", size.ljust(10) + b"`\n", 1)
        yield f"ar-size-{size.decode('latin-1')!r}".replace("/", "_"), partial(bytes, changed)
    for name in (b"", b"/", b"//", b"/1", b"#1/20", b"\xff\xfe", b"control.tar/../x", b"debian-binary\0x"):
        changed = good.replace(b"debian-binary   ", name.ljust(16), 1)
        yield f"ar-name-{name.decode('latin-1')!r}".replace("/", "_"), partial(bytes, changed)
    yield "ar-thin", partial(bytes, good.replace(b"!<arch>", b"!<thin>"))
    yield "ar-many-members", partial(ar_archive, *[BINARY] * 5000)
    yield (
        "ar-second-control",
        partial(ar_archive, BINARY, ("control.tar", CONTROL_TAR), ("control.tar", CONTROL_TAR), DATA),
    )
    yield "ar-control-last", partial(ar_archive, BINARY, DATA, ("control.tar", CONTROL_TAR))
    yield "ar-no-magic-end", partial(bytes, good.replace(b"`\n", b"\n`"))
    yield "ar-format-3", partial(ar_archive, ("debian-binary", b"3.0\n"), ("control.tar", CONTROL_TAR), DATA)


def tar_headers() -> Iterator[tuple[str, Make]]:
    """Sizes, names and kinds in tar headers that make no sense, or mean something else to another reader."""
    numbers = {"-1": -1, "-512": -512, "-huge": -(2**87), "huge": 2**87, "2^63": 2**63, "8-GiB": 2**33}
    sizes = {f"base256-{name}": base256(number) for name, number in numbers.items()}
    sizes |= {
        "octal-8-GiB": b"77777777777", "octal-12-digits": b"777777777777", "blank": b"", "spaces": b" " * 12,
        "minus": b"-0000000001", "decimal": b"00000000089", "text": b"size", "0o": b"0o144", "underscore": b"1_0",
        "base256-flags": b"\xbf" + b"\xff" * 11,
    }  # fmt: skip
    for name, field in sizes.items():
        yield f"tar-size-{name}", partial(deb, entry(b"./control", CONTROL, size=field) + END)
        yield f"tar-first-size-{name}", partial(deb, entry(b"./postinst", size=field) + CONTROL_ENTRY + END)
    for name in (b"../control", b"./../control", b"x/../control", b"control/../../x", b"..", b"/"):
        shown = name.decode().replace("/", "_")
        yield f"tar-path-{shown}", partial(deb, entry(name, CONTROL) + END)
        yield f"tar-path-beside-{shown}", partial(deb, entry(name, OTHER) + CONTROL_ENTRY + END)
    yield "tar-path-beside-_control", partial(deb, entry(b"/control", OTHER) + CONTROL_ENTRY + END)
    for name in (b"control", b"././control", b".//control", b"./control", b"control/."):
        shown = name.decode().replace("/", "_")
        yield f"tar-two-controls-{shown}", partial(deb, CONTROL_ENTRY + entry(name, OTHER) + END)
    for kind in b"123467SMVDNXZ\xff":
        linked = entry(b"./control", kind=bytes([kind]), link=b"/etc/passwd")
        yield f"tar-control-of-kind-{kind:02x}", partial(deb, linked + END)
    folder_link = entry(b"x", kind=b"2", link=b".") + entry(b"x/control", OTHER)
    yield "tar-control-through-a-link", partial(deb, CONTROL_ENTRY + folder_link + END)
    yield "tar-control-folder", partial(deb, entry(b"./control/", kind=b"5") + END)
    yield "tar-control-with-a-slash", partial(deb, entry(b"./control/", CONTROL) + END)
    yield "tar-folder-with-content", partial(deb, entry(b"./", OTHER, kind=b"5") + CONTROL_ENTRY + END)
    yield "tar-name-not-utf8", partial(deb, entry(b"./\xff\xfe\x80control", CONTROL) + END)
    yield "tar-sparse-map", partial(deb, entry(b"./control", CONTROL, kind=b"S", size=b"%011o" % 2**33) + END)
    yield "tar-garbage-between", partial(deb, CONTROL_ENTRY + b"garbage!" * 64 + entry(b"./control", OTHER) + END)
    yield "tar-wrong-checksum", partial(deb, CONTROL_ENTRY.replace(b"ustar", b"uStar", 1) + END)
    yield "tar-no-control", partial(deb, entry(b"./postinst", b"x") + END)
    yield "tar-padding-cut-off", partial(deb, CONTROL_ENTRY[:-13])
    yield "tar-file-without-a-name", partial(deb, entry(b"", OTHER) + CONTROL_ENTRY + END)
    yield "tar-file-named-as-its-folder", partial(deb, entry(b".", OTHER) + CONTROL_ENTRY + END)
    yield "tar-control-in-a-folder", partial(deb, entry(b"x/control", OTHER) + CONTROL_ENTRY + END)
    yield "tar-file-twice", partial(deb, entry(b"./postinst", b"x") * 2 + CONTROL_ENTRY + END)
    yield "tar-nothing", partial(deb, b"\0" * 10240)
    yield "tar-many-members", lambda: deb(b"".join(entry(b"./f%d" % n) for n in range(15_000)) + CONTROL_ENTRY)
    yield "tar-many-folders", lambda: deb(entry(b"./", kind=b"5") * 15_000 + CONTROL_ENTRY)


def long_names() -> Iterator[tuple[str, Make]]:
    """Headers before a header: GNU long names and pax records, in chains, huge, or giving another name."""

    def named(name: bytes, body: bytes) -> bytes:
        return entry(b"././@LongLink", name + b"\0", kind=b"L") + entry(b"short", body)

    yield "gnu-name-hides-a-second-control", partial(deb, CONTROL_ENTRY + named(b"./control", OTHER) + END)
    yield "gnu-name-of-1-MiB", lambda: deb(named(b"x" * MIB, b"") + CONTROL_ENTRY + END)
    yield "gnu-name-empty", partial(deb, entry(b"././@LongLink", b"\0", kind=b"L") + CONTROL_ENTRY + END)
    yield "gnu-name-twice", partial(deb, named(b"a", b"")[:1024] + named(b"./control", CONTROL) + END)
    chain = entry(b"././@LongLink", b"x\0", kind=b"L")
    yield "gnu-name-chain", lambda: deb(chain * 7000 + CONTROL_ENTRY + END)
    link = entry(b"././@LongLink", b"x\0", kind=b"K")
    yield "gnu-link-chain", lambda: deb(link * 7000 + CONTROL_ENTRY + END)
    yield "gnu-name-at-the-end", partial(deb, CONTROL_ENTRY + chain[:512] + b"x" * 100)
    for keyword, value in (
        (b"path", b"./control"), (b"linkpath", b"/etc/passwd"), (b"size", b"0"), (b"size", b"-1"),
        (b"size", b"9" * 5000),
        (b"hdrcharset", b"BINARY"), (b"GNU.sparse.name", b"./control"), (b"GNU.sparse.map", b"0,1," * 9000),
        (b"GNU.sparse.major", b"1"), (b"GNU.sparse.realsize", b"99999999999"), (b"GNU.dumpdir", b"x"),
    ):  # fmt: skip
        for kind in (b"x", b"g"):
            name = f"pax-{kind.decode()}-{keyword.decode()}-{len(value)}"
            yield name, partial(deb, pax(record(keyword, value), kind) + CONTROL_ENTRY + END)
    hidden = pax(record(b"path", b"./control")) + entry(b"./postinst", OTHER)
    yield "pax-hides-a-second-control", partial(deb, CONTROL_ENTRY + hidden + END)
    nonsense = (
        b"0 a=b\n", b"-5 a=b\n", b"99999 a=b\n", b"9" * 5000 + b" a=b\n", b"6 a=b", b"5 ab\n", b" a=b\n", b"\0" * 20,
        b"7 =bcd\n8", b"\xb2 a=b\n", b"+6 a=b\n", b"6 \0=\n ", b"8 \0a=b\n",
        record(b"mtime", b"soon"), record(b"comment", b"a\0b"),
    )  # fmt: skip
    for number, records in enumerate(nonsense):
        yield f"pax-nonsense-{number}", partial(deb, pax(records) + CONTROL_ENTRY + END)
    yield "pax-of-7-MiB", lambda: deb(pax(record(b"comment", b"x" * 7 * MIB)) + CONTROL_ENTRY + END)
    yield "pax-many-records", lambda: deb(pax(record(b"a", b"") * MIB) + CONTROL_ENTRY + END)
    yield "pax-digits", lambda: deb(pax(b"1" * 7 * MIB) + CONTROL_ENTRY + END)
    yield "pax-digits-and-spaces", lambda: deb(pax(b"1 " * 3 * MIB) + CONTROL_ENTRY + END)
    yield "pax-chain", lambda: deb(pax(record(b"comment", b"x")) * 7000 + CONTROL_ENTRY + END)


def controls() -> Iterator[tuple[str, Make]]:
    """Control files with characters, sizes and values that no package has."""
    texts = {
        "field-name-not-utf8": CONTROL.replace(b"Package", b"Pack\xe4ge"),
        "utf-16": CONTROL.decode().encode("utf-16"),
        "byte-order-mark": b"\xef\xbb\xbf" + CONTROL,
        "nul": CONTROL.replace(b"a tool", b"a\0tool"),
        "nul-in-the-name": CONTROL.replace(b"Package: tool", b"Package: tool\0"),
        "only-nul": b"\0" * 1000,
        "latin-1-in-the-name": CONTROL.replace(b"Package: tool", b"Package: caf\xe9"),
        "line-separator-in-the-name": CONTROL.replace(b"Package: tool", "Package: tool\u2028".encode()),
        "blank-in-the-name": CONTROL.replace(b"Package: tool", "Package: tool\u00a0".encode()),
        "end-of-file-of-DOS": CONTROL.replace(b"a tool", b"a tool\x1aPackage: evil"),
        "vertical-tab-before-a-field": CONTROL.replace(b"Version", b"\x0bVersion"),
        "carriage-return-in-text": CONTROL.replace(b"a tool", b"a\rPackage: evil"),
        "carriage-return-in-a-blank-line": CONTROL.replace(b"\n", b"\r\n") + b"\r\n",
        "carriage-return-before-a-field": CONTROL.replace(b"Version", b"\r\nVersion"),
        "two-paragraphs": CONTROL + b"\n" + OTHER,
        "field-twice": CONTROL + b"PACKAGE: evil\n",
        "empty": b"",
        "version-of-250": CONTROL.replace(b"1.0", b"1" * 250),
        "package-of-1-MiB": CONTROL.replace(b"tool", b"a" * (MIB - 200)),
        "version-of-300": CONTROL.replace(b"1.0", b"1" * 300),
        "version-epoch": CONTROL.replace(b"1.0", b"9" * 5000 + b":1"),
        "version-negative-epoch": CONTROL.replace(b"1.0", b"-1:1"),
        "version-unicode-digits": CONTROL.replace(b"1.0", "١.٠".encode()),
        "version-path": CONTROL.replace(b"1.0", b"1/../../x"),
        "package-path": CONTROL.replace(b"tool", b"../tool"),
        "architecture-path": CONTROL.replace(b"amd64", b"../amd64"),
        "installed-size": CONTROL + b"Installed-Size: " + b"9" * MIB + b"\n",
        "installed-size-unicode": CONTROL + "Installed-Size: ٣\n".encode(),
    }
    for name, text in texts.items():
        yield f"control-{name}", partial(with_control, text)


def long_controls() -> Iterator[tuple[str, Make]]:
    """Control files with a field of about a megabyte, made so that a pattern would go back in it again and again."""
    room = MIB - 400
    shapes = {
        "line-of-2-MiB": b"X-Long: " + b"x" * 2 * MIB,
        "field-name-of-1-MiB": b"X" * room,
        "fields": b"\n".join(b"X%d: x" % number for number in range(90_000)),
        "version-of-1-MiB": b"Replaces: tool (= " + b"1" * room + b"_)",
    }
    openings = {
        "spaces": (b"aa", b" ", b"x"), "paren": (b"aa (", b" ", b""), "operator": (b"aa (<<", b" ", b"x"),
        "version": (b"aa (<< ", b"1", b" x"), "after-version": (b"aa (<< 1", b" ", b"x"), "name": (b"", b"a", b"_"),
        "architecture": (b"aa:", b"a", b"_"), "bracket": (b"aa ", b"[", b""), "brackets": (b"aa ", b"[] ", b"x"),
        "alternatives": (b"", b"aa|", b"_"), "relations": (b"", b"aa,", b"_"), "dots": (b"a", b".+", b"_"),
        "operators": (b"aa (", b"<", b""), "folded": (b"aa", b",\n aa", b"_"),
    }  # fmt: skip
    for name, (start, middle, end) in openings.items():
        shapes[f"relation-{name}"] = b"Depends: " + start + middle * (room // len(middle)) + end
    for name, line in shapes.items():
        yield f"control-{name}", lambda line=line: with_control(CONTROL + line + b"\n")


def sound() -> Iterator[tuple[str, Make]]:
    """What only looks hostile, and is to be read as dpkg reads it."""
    yield "sound-pax-times", partial(deb, pax(record(b"mtime", b"1.5")) + CONTROL_ENTRY + END)
    yield "sound-pax-comment", partial(deb, pax(record(b"comment", "é".encode()), b"g") + CONTROL_ENTRY + END)
    yield (
        "sound-gnu-name",
        partial(deb, entry(b"././@LongLink", b"./control\0", kind=b"L") + entry(b"x", CONTROL) + END),
    )
    yield "sound-absolute-name", partial(deb, entry(b"/control", CONTROL) + END)
    yield "sound-newlines-behind", lambda: deb(CONTROL_TAR) + b"\n" * 100
    yield "sound-NULs-behind", lambda: deb(CONTROL_TAR) + b"\0" * 512
    yield "sound-blanks-before-a-size", lambda: deb(CONTROL_TAR).replace(b"4         `\n", b"  4       `\n", 1)
    for ending in (".gz", ".xz"):
        packed = COMPRESS[ending](CONTROL_TAR)
        yield f"sound-padding{ending}", partial(deb, packed + b"\0" * 8, ending)
    yield "sound-skipped-frames-behind", lambda: deb(COMPRESS[".zst"](CONTROL_TAR) + ZSTD_SKIPPED * 2, ".zst")
    yield "sound-no-data", partial(deb, CONTROL_TAR, "", ("data.tar", b""))
    yield "sound-old-kind", partial(deb, entry(b"control", CONTROL, kind=b"\0") + END)
    yield "sound-no-end-mark", partial(deb, CONTROL_ENTRY)
    yield "sound-behind-the-end-mark", partial(deb, CONTROL_ENTRY + END + entry(b"./control", OTHER))
    yield "sound-base256-size", partial(deb, entry(b"./control", CONTROL, size=base256(len(CONTROL))) + END)
    yield "sound-pax-format", lambda: deb(_python_tar(tarfile.PAX_FORMAT))
    yield "sound-ustar-format", lambda: deb(_python_tar(tarfile.USTAR_FORMAT))
    yield "sound-underscore-member", partial(ar_archive, BINARY, ("control.tar", CONTROL_TAR), ("_x", b"y"), DATA)
    yield "sound-long-folded-field", lambda: with_control(CONTROL + b"X-Long: x\n" + b" a\n" * 300_000)
    yield "sound-zst-window-2^27", lambda: deb(zstd_window(27), ".zst")
    yield "sound-long-line", lambda: with_control(CONTROL + b"X-Long: " + b"x" * 999_000 + b"\n")
    yield "sound-many-relations", lambda: with_control(CONTROL + b"Depends: aa" + b", aa" * 19_999 + b"\n")
    texts = {
        "latin-1": b"caf\xe9", "surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\xaf",
        "line-separator": "a\u2028Package: evil".encode(), "next-line": "a\x85Package: evil".encode(),
        "escape": b"a \x1b[0m", "vertical-tab": b"a\x0bPackage: evil",
    }  # fmt: skip
    for name, text in texts.items():
        yield f"sound-text-{name}", partial(with_control, CONTROL.replace(b"a tool", text))
    yield "sound-carriage-returns", partial(with_control, CONTROL.replace(b"\n", b"\r\n"))
    for keyword, value in ((b"LIBARCHIVE.creationtime", b"1.5"), (b"SCHILY.ino", b"5"), (b"SCHILY.xattr.user.x", b"1")):
        name = keyword.decode().partition(".")[2]
        yield f"sound-pax-{name}", partial(deb, pax(record(keyword, value)) + CONTROL_ENTRY + END)
    yield "sound-no-maintainer", partial(with_control, CONTROL.replace(b"Maintainer: M <m@example.org>\n", b""))
    yield "sound-signature-behind", partial(ar_archive, BINARY, ("control.tar", CONTROL_TAR), DATA, ("sig", b"y"))
    yield "sound-version", partial(with_control, CONTROL.replace(b"1.0", b"2147483647:0~~+a.b-c~" + b"9" * 200))


def _python_tar(form: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as tar:
        member = tarfile.TarInfo("./control")
        member.size, member.mtime = len(CONTROL), 1.25 if form == tarfile.PAX_FORMAT else 1
        tar.addfile(member, io.BytesIO(CONTROL))
    return out.getvalue()


SOUND: dict[str, Make] = dict(sound())
FILES: dict[str, Make] = {
    name: make
    for group in (truncated, ar_headers, tar_headers, long_names, bombs, controls, long_controls, sound)
    for name, make in group()
}
