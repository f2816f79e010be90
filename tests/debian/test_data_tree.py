"""A data member is taken when dpkg unpacks it: each number, name and link of it tried in a root of its own."""

import bz2
import lzma
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import pytest

from packages_app.core.errors import InvalidDeb
from packages_app.debian.deb_file import open_deb
from packages_app.debian.payload import read_payload
from tests.debian.parts import BINARY, CONTROL, CONTROL_TAR, END, entry
from tests.debian.readers import dpkg_refusals, look
from tests.debs import COMPRESS, ar_archive, tar_archive

pytestmark = pytest.mark.outside

X = b"x"
USR = entry(b"./usr/", kind=b"5")
FILE = entry(b"./usr/x", X)
ETC = entry(b"./etc/", kind=b"5") + entry(b"./etc/x", X)


def numbered(*changes, kind=b"0", body=X, name=b"./usr/x", link=b""):
    """Give a member with other bytes at places of its header, and the checksum that is right for it."""
    made = entry(name, body, kind=kind, link=link)
    head = bytearray(made[:512])
    for start, value in changes:
        head[start : start + len(value)] = value
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + made[512:]


def base256(number, width):
    value = bytearray((number % 2 ** (8 * width)).to_bytes(width, "big"))
    value[0] = 0x80 if number >= 0 else 0xFF
    return bytes(value)


def signed(made):
    """Give a member whose checksum is that of signed bytes, as some old programs summed."""
    head = bytearray(made[:512])
    head[265:267] = b"\xff\xfe"
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(byte - 256 if byte > 127 else byte for byte in head)
    return bytes(head) + made[512:]


def base256_checksum(made):
    head = bytearray(made[:512])
    head[148:156] = b" " * 8
    head[148:156] = base256(sum(head), 8)
    return bytes(head) + made[512:]


def folder(name):
    return entry(name, kind=b"5")


def link(name, target, kind=b"1"):
    return entry(name, kind=kind, link=target)


def long(name, kind=b"0", target=b""):
    return entry(b"././@LongLink", name + b"\0", kind=b"L") + entry(b"x", kind=kind, link=target)


IDS = {
    f"{field} {number}": numbered((at, base256(number, 8)))
    for field, at in (("uid", 108), ("gid", 116))
    for number in (0, 2**32 - 1, 2**32, 2**40, -1, -(2**40))
}
TIMES = {f"time {number}": numbered((136, base256(number, 12)))
         for number in (-1, 2**62, 2**63 - 1, 2**63, 2**64, 2**80, -(2**63), -(2**63) - 1, -(2**64))}  # fmt: skip
SIZES = {f"size {size!r}": numbered((124, size.ljust(12, b"\0")))
         for size in (b"1", b"  1         ", b"1\0junkjunkjj", b" " * 12, base256(1, 12), base256(2**63, 12),
                      base256(2**64 + 1, 12), b"\xff" * 12)}  # fmt: skip
CONTENT = {f"content in kind {kind:c}": FILE + numbered(name=b"./usr/y", kind=bytes([kind]), link=b"./usr/x")
           for kind in b"123456"}  # fmt: skip
NAMES = {
    f"name of {size} in kind {kind:c}": FILE + long(b"./usr/" + X * size, bytes([kind]), b"./usr/x")
    for size in (245, 246, 247, 255)
    for kind in b"0125"
}
TARGETS = {f"target of {size}": entry(b"././@LongLink", (b"t/" * size)[:size] + b"\0", kind=b"K")
           + link(b"./usr/y", b"t", b"2")
           for size in (4095, 4096, 5000)}  # fmt: skip
HARD = {f"hard link to {target!r}": FILE + link(b"./usr/y", target)
        for target in (b"./usr/x", b"usr/x", b"/usr/x", b".//usr/x", b"./usr//x", b"./usr/./x", b"./usr/../usr/x",
                       b"./usr/x/", b"", b"./usr", b"./usr/z", b"./usr/y")}  # fmt: skip
SAME_PLACE = {
    "file": entry(b"./usr/y", X), "hard link": link(b"./usr/y", b"./usr/x"), "link": link(b"./usr/y", b"q", b"2"),
    "folder": folder(b"./usr/y/"), "pipe": entry(b"./usr/y", kind=b"6"), "device": entry(b"./usr/y", kind=b"3"),
}  # fmt: skip
REPLACED = {f"{', '.join(names)} of one name": FILE + b"".join(SAME_PLACE[name] for name in names)
            for names in (
                *product(SAME_PLACE, repeat=2), ("file", "pipe", "file"), ("file", "device", "link"),
                ("link", "file", "pipe"), ("file", "link", "pipe"), ("file", "link", "folder"),
                ("file", "folder", "hard link"), ("link", "folder", "file"), ("folder", "file", "link"),
                ("folder", "file", "folder"), ("folder", "link", "file"), ("file", "folder", "pipe", "file"),
            )}  # fmt: skip
Y, BELOW, Y_FOLDER = entry(b"./usr/y", X), entry(b"./usr/y/z", X), folder(b"./usr/y/")
Y_LINK, Y_PIPE = link(b"./usr/y", b"q", b"2"), entry(b"./usr/y", kind=b"6")
TREES = {
    "hard link before its file": link(b"./usr/y", b"./usr/x") + FILE,
    "hard link to a hard link": FILE + link(b"./usr/y", b"./usr/x") + link(b"./usr/z", b"./usr/y"),
    "hard link to a symbolic link": Y_LINK + link(b"./usr/z", b"./usr/y"),
    "hard link to a pipe": Y_PIPE + link(b"./usr/z", b"./usr/y"),
    "hard link by a long target": FILE + entry(b"././@LongLink", b"./usr/x\0", kind=b"K") + link(b"./usr/y", b"z"),
    "a symbolic link to nothing": link(b"./usr/y", b"", b"2"),
    "a symbolic link to itself": link(b"./usr/y", b"y", b"2"),
    "a file below a link": Y_LINK + BELOW,
    "a file below a link to a folder": folder(b"./usr/q/") + Y_LINK + BELOW,
    "a file below a file": Y + BELOW,
    "a file twice": Y + Y,
    "a folder twice": Y_FOLDER + Y_FOLDER + BELOW,
    "file, then folder": Y + Y_FOLDER,
    "hard link, then folder": FILE + link(b"./usr/y", b"./usr/x") + Y_FOLDER,
    "link, then folder": Y_LINK + Y_FOLDER,
    "pipe, then folder": Y_PIPE + Y_FOLDER,
    "folder, then file": Y_FOLDER + Y,
    "folder, then link": Y_FOLDER + Y_LINK,
    "folder, file, then below": Y_FOLDER + Y + BELOW,
    "link, folder, then below": Y_LINK + Y_FOLDER + BELOW,
    "file, folder, then below": Y + Y_FOLDER + BELOW,
    "file, folder, below, then file": Y + Y_FOLDER + BELOW + Y,
    "folder, link, then below": Y_FOLDER + Y_LINK + BELOW,
    "folder, below, then file": Y_FOLDER + BELOW + Y,
    "file, then link": Y + Y_LINK,
    "link, then file": Y_LINK + Y,
    "a file for the root": entry(b"./", X),
    "a file called /": entry(b"/", X),
    "a folder called ./.": folder(b"./."),
    "two slashes behind": folder(b"./usr/y//"),
    "a dot behind": folder(b"./usr/y/."),
    "a file with two slashes behind": entry(b"./usr/y//", X),
    "a file with a dot behind": entry(b"./usr/y/.", X),
    "a file with a slash behind": entry(b"./usr/y/", X),
    "a symbolic link with a slash behind": link(b"./usr/y/", b"x", b"2"),
    "a hard link with a slash behind": FILE + link(b"./usr/y/", b"./usr/x"),
    "a pipe with a slash behind": entry(b"./usr/y/", kind=b"6"),
    "a device with a slash behind": entry(b"./usr/y/", kind=b"3"),
    "one place by two names, a dot within": entry(b"./usr/./x", X) + FILE,
    "one place by two names, two slashes": FILE + entry(b"./usr//x", X),
    "a folder by two names": Y_FOLDER + folder(b"./usr/./y/"),
    "two slashes within": Y_FOLDER + entry(b"./usr//y/z", X),
    "no name": entry(b"", X),
    "no long name": entry(b"././@LongLink", b"\0", kind=b"L") + FILE,
    "a newline": entry(b"./usr/a\nb", X),
    "other bytes": entry(b"./usr/a\xff\r ", X),
    "a checksum of signed bytes": signed(FILE),
    "a checksum in base 256": base256_checksum(FILE),
    "a long name without a name of its own": entry(b"", b"./usr/y\0", kind=b"L") + FILE,
    "a long target without a name of its own": entry(b"", b"./usr/y\0", kind=b"K") + FILE,
    "a long name for one member": long(b"./usr/y", b"5") + FILE,
}
DATA = {**IDS, **TIMES, **SIZES, **CONTENT, **NAMES, **TARGETS, **HARD, **TREES, **REPLACED}
FLAG = b"remove-on-upgrade "
ETC_MORE = folder(b"./etc/d/") + link(b"./etc/l", b"x", b"2")
CONFFILES = (
        b"/etc/x\n", b"/etc/q\n", b"/etc/x\n/etc/x\n", b"/etc/l\n", FLAG + b"/etc/x\n", FLAG + b"/etc/q\n",
        b"/etc/q\n" + FLAG + b"/etc/q\n", b"/etc/x\n" + FLAG + b"/etc/x\n", FLAG + b"/etc/x\n/etc/x\n",
        FLAG + b"/etc/d\n", FLAG + b"/etc/d/\n", FLAG + b"/etc/l\n", FLAG + b"//etc/x\n", FLAG + b"/./etc/x\n",
        FLAG + b"/etc//x\n", FLAG + b"/etc/x/\n", FLAG + b"/etc/x \t\n", FLAG + b"/etc/x\v\f\n",
        b"\n" + FLAG + b"/etc/x\n",
)  # fmt: skip


def judged(tmp_path, packages):
    """Give what is said here of packages and what dpkg says, each by its name; dpkg has a root for each."""
    ours, theirs = {}, {}

    def judge(numbered_package):
        number, (name, body) = numbered_package
        path = tmp_path / f"{number}.deb"
        path.write_bytes(body)
        ours[name] = look(path)
        theirs[name] = "refused" if dpkg_refusals(tmp_path / f"root{number}", [path]) else "taken"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(judge, enumerate(packages.items())))
    return ours, theirs


def package(data, **files):
    members = {"./control": CONTROL, **{f"./{name}": body for name, body in files.items()}}
    return ar_archive(BINARY, ("control.tar", tar_archive(members)), ("data.tar", data))


def test_data_is_taken_when_dpkg_unpacks_it(tmp_path):
    ours, theirs = judged(tmp_path, {name: package(USR + data + END) for name, data in DATA.items()})
    assert ours == theirs


MODES = {
    "octal": b"0004755\0", "with a kind": b"00104755", "blanks first": b"    4755", "blanks behind": b"4755 \0 \0",
    "base 256": base256(0o4755, 8), "negative": b"\xff" * 6 + b"\x01\xa4", "too large": b"\x80\x01\0\0\0\0\x01\xa4",
    "the largest": base256(2**32 - 1, 8), "one more": base256(2**32, 8), "blank": b" " * 8, "another text": b"0004755x",
    "none": bytes(8), "another base": b"\x81\0\0\0\0\0\x09\xed", "plain": b"0000644\0",
}  # fmt: skip


def test_the_rights_that_dpkg_gives_a_file_are_seen(tmp_path):
    for name, field in MODES.items():
        for kind, link in ((b"0", b""), (b"1", b"./usr/x")):
            folder = tmp_path / f"{name}{kind.decode()}"
            path = folder / "tool.deb"
            folder.mkdir()
            body = X if kind == b"0" else b""
            made = numbered((100, field), kind=kind, name=b"./usr/y", link=link, body=body)
            path.write_bytes(package(USR + FILE + made + END))
            assert dpkg_refusals(folder, [path]) == {}
            given = (folder / "root0/usr/y").stat().st_mode & 0o6000
            with path.open("rb") as stream:
                [_, file] = read_payload(stream, open_deb(path), keep=lambda _file: True).files
            assert file.mode & given == given, name


@pytest.mark.parametrize("text", [b"", b"./usr/" + X * 18, b"./usr/" + X * 506])
def test_a_long_name_without_an_end_is_refused(tmp_path, text):
    """dpkg reads on in its memory: what it unpacks is anybody's guess."""
    path = tmp_path / "tool.deb"
    path.write_bytes(package(USR + entry(b"././@LongLink", text, kind=b"L") + FILE + END))
    assert look(path) == "refused"


def test_scripts_are_seen_that_tar_unpacks(tmp_path):
    script = b"#!/bin/sh\nchmod 4755 /usr/x\n"
    control = entry(b"./control", CONTROL) + signed(entry(b"./postinst", script)) + END
    path = tmp_path / "tool.deb"
    path.write_bytes(ar_archive(BINARY, ("control.tar", control), ("data.tar", USR + FILE + END)))
    assert dpkg_refusals(tmp_path, [path]) == {}
    assert (tmp_path / "root0/var/lib/dpkg/info/tool.postinst").read_bytes() == script
    with path.open("rb") as stream:
        payload = read_payload(stream, open_deb(path), keep=lambda _file: True)
    assert payload.control["postinst"] == script


def test_conffiles_are_taken_when_dpkg_unpacks_what_they_are_of(tmp_path):
    bodies = {body: package(ETC + ETC_MORE + END, conffiles=body) for body in CONFFILES}
    ours, theirs = judged(tmp_path, bodies)
    assert ours == theirs


def test_a_folder_with_files_is_no_conffile(tmp_path):
    bodies = {body: package(ETC + END, conffiles=body) for body in (b"/etc\n", b"/etc/\n", b"/etc/x\n", b"/usr\n")}
    ours, theirs = judged(tmp_path, bodies)
    assert ours == theirs
    assert ours[b"/etc\n"] == "refused"


@pytest.mark.parametrize(
    ("ending", "pack"),
    [
        *((ending, COMPRESS[ending]) for ending in (".gz", ".xz", ".zst")),
        (".bz2", bz2.compress),
        (".lzma", lambda body: lzma.compress(body, lzma.FORMAT_ALONE)),
    ],
)
def test_a_second_stream_is_taken_only_where_dpkg_unpacks_it(tmp_path, ending, pack):
    path = tmp_path / "tool.deb"
    streams = pack(USR + FILE) + pack(entry(b"./usr/y", X) + END)
    path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), (f"data.tar{ending}", streams)))
    assert dpkg_refusals(tmp_path / "dpkg", [path]) == {}
    whole = (tmp_path / "dpkg/root0/usr/y").exists()
    assert look(path) == ("taken" if whole else "refused")


SKIPPED = b"\x50\x2a\x4d\x18\x04\0\0\0abcd"
WHOLE = USR + FILE + END
BEHIND = {
    "NULs behind gzip": (".gz", b"\0" * 5000),
    "NULs behind xz": (".xz", b"\0" * 8),
    "a skipped frame": (".zst", SKIPPED * 2),
}


@pytest.mark.parametrize(("ending", "behind"), BEHIND.values(), ids=BEHIND)
def test_padding_is_taken_when_dpkg_unpacks_all_before_it(tmp_path, ending, behind):
    path = tmp_path / "tool.deb"
    packed = COMPRESS[ending](WHOLE) + behind
    path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), (f"data.tar{ending}", packed)))
    assert dpkg_refusals(tmp_path, [path]) == {}
    assert (tmp_path / "root0/usr/x").exists()
    assert look(path) == "taken"
    path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), (f"data.tar{ending}", packed + b"x")))
    assert look(path) == "refused"


def test_a_frame_that_is_skipped_is_refused_where_dpkg_installs_nothing(tmp_path):
    path = tmp_path / "tool.deb"
    packed = SKIPPED + COMPRESS[".zst"](WHOLE)
    path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), ("data.tar.zst", packed)))
    assert dpkg_refusals(tmp_path, [path]) == {}
    assert not (tmp_path / "root0/usr/x").exists()
    assert look(path) == "refused"


def test_the_remedy_of_a_large_dictionary_says_what_to_do(tmp_path):
    path = tmp_path / "tool.deb"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 256 * 1024 * 1024}]
    packed = lzma.compress(WHOLE, filters=filters)
    path.write_bytes(ar_archive(BINARY, ("control.tar", CONTROL_TAR), ("data.tar.xz", packed)))
    with pytest.raises(InvalidDeb) as raised:
        open_deb(path)
    assert "128 MiB" in raised.value.message
    assert "dpkg-deb -Zxz -z9" in raised.value.remedy


def test_a_folder_that_the_client_may_have_is_not_asked_for(tmp_path):
    path = tmp_path / "tool.deb"
    path.write_bytes(package(entry(b"./usr/bin/x", X) + END))
    assert look(path) == "taken"
    for name in ("usr", "usr/bin"):
        (tmp_path / "root/root0" / name).mkdir(parents=True)
    assert dpkg_refusals(tmp_path / "root", [path]) == {}
