"""A `.deb` is opened without trusting it: sound ones as dpkg reads them, all others refused with the reason."""

import io
import lzma
import subprocess
import tarfile
import tracemalloc

import pytest
import zstandard
from debian.deb822 import Deb822, Packages
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.errors import InvalidDeb
from packages_app.debian.control import check_control, parse_control
from packages_app.debian.deb_file import open_deb
from packages_app.debian.stanza import parse_stanzas, record_fields_of, stanza_of
from tests.debs import COMPRESS, ar_archive, build_deb, tar_archive
from tests.records import TYPES, make_record, records

CONTROL = b"Package: tool\nVersion: 1.0\nArchitecture: amd64\nMaintainer: M <m@example.org>\nDescription: a tool\n"
DATA = ("data.tar", tar_archive({"./usr/x": b"x"}))
BINARY = ("debian-binary", b"2.0\n")


@pytest.mark.parametrize("compression", COMPRESS)
def test_each_compression_is_read_as_dpkg_reads_it(tmp_path, compression):
    deb = build_deb(tmp_path, "tool", "1:2.0~rc1", compression=compression, Depends="libc6 (>= 2.34), aa | bb:any")
    contents = open_deb(deb)
    shown = subprocess.run(["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=True).stdout
    assert contents.control_text == shown.strip()
    assert dict(contents.control) == dict(Deb822(shown))
    assert contents.members == ("debian-binary", f"control.tar{compression}", f"data.tar{compression}")


def test_debians_own_packages_are_read_as_dpkg_reads_them(tmp_path):
    tmp_path.chmod(0o777)
    subprocess.run(["apt-get", "download", "hello", "zstd"], cwd=tmp_path, check=True, capture_output=True)
    debs = list(tmp_path.glob("*.deb"))
    assert len(debs) == 2
    for deb in debs:
        shown = subprocess.run(["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=True).stdout
        assert open_deb(deb).control_text == shown.strip()


def refused(tmp_path, body, said):
    path = tmp_path / "hostile.deb"
    path.write_bytes(body)
    with pytest.raises(InvalidDeb) as error:
        open_deb(path)
    assert said in error.value.message
    assert error.value.remedy


def deb_with(control_tar, name="control.tar"):
    return ar_archive(BINARY, (name, control_tar), DATA)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "is empty"),
        (b"<!DOCTYPE html><html>404</html>", "looks like a web page"),
        (b'{"error": "x"}' * 9, "looks like JSON"),
        (b"\x7fELF" + b"\0" * 99, "begins with"),
        (b"!<arch>\n", "debian-binary"),
        (b"!<arch>\nshort", "truncated"),
        (ar_archive(("debian-binary", b"3.0\n")), "format"),
        (ar_archive(BINARY), "holds nothing"),
        (ar_archive(BINARY, DATA), "one control.tar and one data.tar"),
        (ar_archive(BINARY, ("control.tar", b""), DATA, DATA), "one control.tar and one data.tar"),
        (ar_archive(BINARY, ("control.tar.rar", b""), DATA), "one control.tar and one data.tar"),
        (ar_archive(*[("debian-binary", b"2.0\n")] * 40), "more than 32"),
        (ar_archive(BINARY, ("control.tar.gz", b"no gzip"), DATA), "can't be decompressed"),
        (ar_archive(BINARY, ("control.tar.xz", b"no xz"), DATA), "can't be decompressed"),
        (ar_archive(BINARY, ("control.tar.zst", b"no zstd"), DATA), "can't be decompressed"),
        (deb_with(b"x" * 512), "wrong checksum"),
        (deb_with(tar_archive({"./other": b"x"})), "named control"),
        (deb_with(tar_archive({"./control": CONTROL, "control": CONTROL})), "2 files named 'control'"),
        (deb_with(tar_archive({"./control": CONTROL, "/etc/passwd": b""})), "holds the path"),
        (deb_with(tar_archive({"./control": CONTROL, "./../x": b""})), "holds the path"),
        (deb_with(tar_archive({"./control": CONTROL.replace(b"tool", b"\xff")})), "no package name"),
        (deb_with(tar_archive({"./control": b"x" * 2_000_000})), "are read"),
        (deb_with(tar_archive({f"./f{n}": b"" for n in range(1100)})), "over 1000 files"),
        (
            ar_archive(BINARY, ("control.tar", tar_archive({"./control": CONTROL})), ("data.tar.xz", b"zzzzzzzz")),
            "not what",
        ),
        (ar_archive(BINARY, ("control.tar", tar_archive({"./control": CONTROL})), ("data.tar", b"z")), "is truncated"),
        (
            ar_archive(BINARY, ("control.tar", tar_archive({"./control": CONTROL})), ("data.tar", b"z" * 999)),
            "wrong checksum",
        ),
    ],
)
def test_what_is_no_sound_deb_is_refused_with_the_reason(tmp_path, body, said):
    refused(tmp_path, body, said)


def test_a_size_that_makes_no_sense_is_refused(tmp_path):
    sound = deb_with(tar_archive({"./control": CONTROL}))
    refused(tmp_path, sound.replace(b"4         `", b"-4        `", 1), "makes no sense")
    refused(tmp_path, sound.replace(b"4         `", b"9999999999`", 1), "is truncated")


def test_a_control_that_is_a_link_is_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
        link = tarfile.TarInfo("./control")
        link.type, link.linkname = kind, "/etc/passwd"
        refused(
            tmp_path, deb_with(tar_archive({}, link)), "a symbolic link;" if kind == tarfile.SYMTYPE else "a hard link;"
        )


@pytest.mark.parametrize("ending", [".gz", ".xz", ".zst"])
def test_a_bomb_ends_at_the_bound(tmp_path, ending):
    zeros = b"\0" * 100_000_000
    bomb = {**COMPRESS, ".xz": lambda body: lzma.compress(body, preset=0)}[ending](zeros)
    del zeros
    tracemalloc.start()
    refused(tmp_path, ar_archive(BINARY, (f"control.tar{ending}", bomb), DATA), "unpacks to more than")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40_000_000


def test_a_window_larger_than_the_bound_is_refused(tmp_path):
    parameters = zstandard.ZstdCompressionParameters(window_log=30, compression_level=1)
    out = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(out, closefd=False) as writer:
        writer.write(tar_archive({"./control": CONTROL}))
    refused(tmp_path, ar_archive(BINARY, ("control.tar.zst", out.getvalue()), DATA), "can't be decompressed")


SOUND = ar_archive(BINARY, ("control.tar.gz", COMPRESS[".gz"](tar_archive({"./control": CONTROL}))), DATA)


@settings(max_examples=400)
@given(
    st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 2)
)
def test_a_corrupt_deb_is_read_or_refused_and_never_a_crash(tmp_path_factory, changes, cut):
    body = bytearray(SOUND)
    for at, value in changes:
        body[at] = value
    path = tmp_path_factory.getbasetemp() / "corrupt.deb"
    path.write_bytes(bytes(body[: len(body) - cut * 700] if cut else body))
    try:
        open_deb(path)
    except InvalidDeb as error:
        assert error.remedy


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((b"Package: tool\n", b""), "lacks Package"),
        ((b"Package: tool", b"Package: Tool_"), "'Tool_'"),
        ((b"1.0", b"1_0"), "'1_0'"),
        ((b"amd64", b"any"), "'any'"),
        ((b"amd64", b"amd64 i386"), "'amd64 i386'"),
        ((b"Description:", b"Package: x\nDescription:"), "given twice"),
        ((b"Description:", b"\nDescription:"), "second paragraph"),
        ((b"Description:", b"no field\nDescription:"), "is no field"),
        ((b"Description:", b"# comment: x\nDescription:"), "is no field"),
        ((b"Package: tool", b" Package: tool"), "begins with a continuation"),
        ((b"a tool", b"a \x00 tool"), "control character"),
        ((b"a tool", b"a \x1a tool"), "control character"),
        ((b"a tool", b"a\rtool"), "control character"),
        ((b"Description:", b"Installed-Size: -5x\nDescription:"), "no number of KiB"),
        ((b"Description:", b"Depends: ${shlibs:Depends}\nDescription:"), "'${shlibs:Depends}'"),
        ((b"Description:", b"Depends: a (> )\nDescription:"), "'a (> )'"),
        ((b"Description:", b"Section: a\n b\nDescription:"), "more than one line"),
        ((b"a tool\n", b"a tool"), "no newline"),
        ((b"a tool\n", b"a tool\n \n"), "is blank"),
        ((b"a tool\n", b"a tool\nX-Last:\n"), "no value"),
        ((b"Description:", b"X: y\nDescription:"), "is no field"),
        ((b"1.0", b"v1.0"), "'v1.0'"),
        ((b"tool\n", "tool\u00a0\n".encode()), "'tool\\xa0'"),
    ],
)
def test_a_control_file_with_a_fault_is_refused_by_the_field(tmp_path, change, said):
    refused(tmp_path, deb_with(tar_archive({"./control": CONTROL.replace(*change)})), said)


def test_fields_are_found_whatever_their_case():
    control = parse_control(CONTROL.decode() + "X-Odd:  spaced \n")
    check_control(control)
    assert control["package"] == "tool"
    assert control["X-ODD"] == "spaced"
    assert control.get("absent", "") == ""
    assert len(control) == 6


def test_a_stanza_carries_the_whole_control_paragraph_and_the_index_its_own_fields(tmp_path):
    deb = build_deb(
        tmp_path, "tool", "1.0", Provides="thing (= 1)", Size="666", Filename="evil.deb", Conffiles="\n /etc/x y"
    )
    contents = open_deb(deb)
    record = make_record("tool", "1.0", control=contents.control_text, description="unused")
    [stanza] = Packages.iter_paragraphs(stanza_of(record), use_apt_pkg=False)
    assert stanza["Provides"] == "thing (= 1)"
    assert stanza["Description"] == "the package tool\n A package built for a test."
    assert (stanza["Filename"], stanza["Size"]) == (record.pool_path, str(record.file_size))
    assert "evil" not in stanza_of(record)
    assert "Conffiles" not in stanza
    assert "/etc/x" not in stanza_of(record)


def test_a_record_without_a_control_paragraph_has_a_stanza_of_its_flat_fields():
    record = make_record(description="short\nlong\n\nmore", depends="libc6")
    [stanza] = parse_stanzas(stanza_of(record).encode())
    assert stanza["Description"] == "short\n long\n .\n more"
    assert stanza["Depends"] == "libc6"
    assert record_fields_of(stanza)["maintainer"] == record.maintainer


@settings(max_examples=100)
@given(records())
def test_p22_a_stanza_does_not_depend_on_the_packages_type(record):
    stanzas = {stanza_of(make_record(**{**fields_of(record), "package_type": kind})) for kind in TYPES}
    assert len(stanzas) == 1


def fields_of(record):
    values = record.as_dict()
    values["name"] = values.pop("package_name")
    del values["package_id"]
    return values


@pytest.mark.parametrize(
    ("field", "stands"),
    [
        ("Tag:\n a::b,\n c::d\n", True),
        ("Built-Using:\n\tgcc-12 (= 12.2.0-14)\n", True),
        ("X-Note: \n kept\n", True),
        ("X-Note:\n", False),
        ("X-Note: \t\n", False),
        ("Checksum-FileSize: 1\n", False),
        ("Checksum-FileSize:\n 1\n", False),
        ("SHA256:\n x\n", False),
        ("MSDOS-Filename: x\n", False),
    ],
)
def test_a_field_stands_in_the_index_that_says_something_in_any_of_its_lines(field, stands):
    control = CONTROL.decode().replace("Description:", f"{field}Description:")
    check_control(parse_control(control))
    text = stanza_of(make_record("tool", "1.0", control=control.strip("\n")))
    assert (field in text) is stands
    assert (field.partition(":")[0] + ":" in text.partition("Filename:")[0]) is stands
    assert text.startswith("Package: tool\nVersion: 1.0\nArchitecture: amd64\nMaintainer: M <m@example.org>\n")


def test_text_of_another_encoding_is_read_line_by_line(tmp_path):
    path = tmp_path / "tool.deb"
    control = CONTROL.replace(b"M <m", b"J\xfcrgen <m").replace(b"a tool", "für".encode())
    path.write_bytes(deb_with(tar_archive({"./control": control})))
    contents = open_deb(path)
    assert (contents.control["Maintainer"], contents.control["Description"]) == ("Jürgen <m@example.org>", "für")
