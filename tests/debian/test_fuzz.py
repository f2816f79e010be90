"""Files and texts put together at random from what they are made of: read as dpkg reads them, or refused.

Bytes changed at random in a sound package mostly break a checksum. So these are built: every header has its right
checksum, and what is wrong is its meaning.
"""

import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.errors import CandidateRefused, InvalidDeb
from packages_app.debian.control import check_control, parse_control
from packages_app.debian.deb_file import open_deb
from packages_app.debian.stanza import parse_stanzas, record_fields_of
from packages_app.indexes.release import parse_release
from tests.debian.parts import BINARY, CONTROL, DATA_TAR, END, OTHER, base256, deb, entry, pax, record
from tests.debs import COMPRESS, ar_archive

NAMES = (
    b"./control", b"control", b"././control", b"control/", b"./", b"./postinst", b"./md5sums", b"x/control",
    b"../control", b"x", b"", b".", b"..", b"/",
)  # fmt: skip
SIZES = st.one_of(
    st.binary(max_size=12),
    st.integers(-(2**70), 2**70).map(base256),
    st.integers(0, 4096).map(lambda size: b"%o" % size),
)
BODIES = st.sampled_from((CONTROL, OTHER, b"", b"x" * 700))
PLAIN = st.builds(entry, st.sampled_from(NAMES), BODIES, kind=st.sampled_from((b"0", b"\0")))
FOLDERS = st.builds(entry, st.sampled_from(NAMES), kind=st.just(b"5"))
ODD = st.builds(
    entry,
    st.sampled_from(NAMES) | st.binary(max_size=100),
    BODIES,
    kind=st.sampled_from((b"0", b"\0", b"1", b"2", b"5", b"L", b"K", b"S", b"7", b"Z")),
    size=st.none() | SIZES,
    link=st.sampled_from((b"", b".", b"control", b"/etc/passwd")),
)
LONG_NAMES = st.sampled_from(NAMES).map(lambda name: entry(b"././@LongLink", name + b"\0", kind=b"L"))
KEYWORDS = st.sampled_from((b"mtime", b"comment", b"SCHILY.xattr.user.x", b"path", b"size", b"GNU.sparse.map"))
PAX = st.builds(
    pax, st.binary(max_size=40) | st.builds(record, KEYWORDS, st.binary(max_size=30)), st.sampled_from((b"x", b"g"))
)
PARTS = st.lists(st.one_of(PLAIN, FOLDERS, LONG_NAMES, PAX, st.just(END), ODD, st.binary(max_size=600)), max_size=3)


@st.composite
def control_tars(draw):
    """Members in any order, with junk and end marks in places, and one control file among them that is sound."""
    parts = draw(PARTS)
    parts.insert(draw(st.integers(0, len(parts))), entry(b"./control", CONTROL))
    return b"".join(parts) + draw(st.sampled_from((END, b"", END[:512])))


@st.composite
def packages(draw):
    """A package around such a control member: cut off, in two streams, with ar members that do not belong there."""
    ending = draw(st.sampled_from(list(COMPRESS)))
    packed = COMPRESS[ending](draw(control_tars()))
    if draw(st.booleans()):
        packed += COMPRESS[ending](entry(b"./control", OTHER) + END)
    packed = packed[: len(packed) - draw(st.integers(0, 20))]
    members = [BINARY, (f"control.tar{ending}", packed), ("data.tar", DATA_TAR)]
    extra = draw(st.sampled_from(("", "_gpg", "debian-binary", "control.tar", "data.tar.xz", "x")))
    if extra:
        members.insert(draw(st.integers(0, 3)), (extra, draw(BODIES)))
    body = ar_archive(*members)
    return body[: len(body) - draw(st.integers(0, 3))]


def deb_of(control_tar, ending):
    """Give a package that is sound but for the inside of its control member."""
    return deb(COMPRESS[ending](control_tar), ending)


def read_or_refused(path, body):
    path.write_bytes(body)
    try:
        return open_deb(path)
    except InvalidDeb as error:
        assert error.remedy
        return None


@settings(max_examples=300)
@given(st.one_of(st.builds(deb_of, control_tars(), st.sampled_from(list(COMPRESS))), packages()))
def test_a_package_of_odd_parts_is_refused_or_read_as_dpkg_reads_it(tmp_path, body):
    path = tmp_path / "fuzzed.deb"
    contents = read_or_refused(path, body)
    if contents is not None:
        shown = subprocess.run(["dpkg-deb", "--field", str(path)], capture_output=True, check=False)
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout.decode().strip() == contents.control_text


@settings(max_examples=150)
@given(st.data())
def test_a_member_of_odd_bytes_is_refused(tmp_path, data):
    """Compressed streams with bytes changed, cut out and put in, in every form that a data member may have."""
    ending = data.draw(st.sampled_from(list(COMPRESS)))
    packed = bytearray(COMPRESS[ending](entry(b"./control", CONTROL) + END))
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(packed)))
        packed[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    for name, control in ((f"data.tar{ending}", CONTROL), ("data.tar.bz2", CONTROL), ("data.tar.lzma", CONTROL)):
        tar = COMPRESS[ending](entry(b"./control", control) + END)
        read_or_refused(tmp_path / "a.deb", ar_archive(BINARY, (f"control.tar{ending}", tar), (name, bytes(packed))))
    whole = ar_archive(BINARY, (f"control.tar{ending}", bytes(packed)), ("data.tar", DATA_TAR))
    read_or_refused(tmp_path / "b.deb", whole)


FIELDS = (
    "Package",
    "Version",
    "Architecture",
    "Maintainer",
    "Description",
    "Depends",
    "Provides",
    "Installed-Size",
    "Section",
)
VALUES = (
    "tool", "1.0", "amd64", "M <m@example.org>", "a tool", "libc6 (>= 2.34) | x:any [amd64]", "aa (= 1), ", "4", "(",
    "", "\t", "1:2-3", "all", "any", "\u2028", "\x00", "é",
)  # fmt: skip
LINES = st.one_of(
    st.builds("{}: {}".format, st.sampled_from(FIELDS), st.sampled_from(VALUES) | st.text(max_size=20)),
    st.sampled_from(("", " ", " more", " .", "\tx", "# no comment", ":", "-x: y", "No-Colon", "Package:tool")),
    st.text(max_size=30),
)
SOUND_LINES = CONTROL.decode().splitlines()


@settings(max_examples=500)
@given(st.lists(LINES, max_size=12), st.integers(0, 5), st.booleans())
def test_a_control_file_of_odd_lines_is_taken_or_refused(lines, at, sound):
    text = "\n".join([*SOUND_LINES[:at], *lines, *SOUND_LINES[at:]] if sound else lines)
    try:
        control = parse_control(text)
        check_control(control)
    except InvalidDeb as error:
        assert error.remedy
        return
    # What was taken comes back from an index as it was, whoever reads it there.
    [stanza] = parse_stanzas(text.strip("\n").encode("utf-8", "surrogatepass") + b"\n")
    assert record_fields_of(stanza)["package_name"] == control["Package"]
    assert len(stanza) == len(control)


@settings(max_examples=200)
@given(st.lists(st.one_of(LINES.map(str.encode), st.binary(max_size=30)), max_size=20))
def test_stanzas_of_any_bytes_are_read_without_an_error(lines):
    for stanza in parse_stanzas(b"\n".join(lines)):
        assert dict(stanza)
        record_fields_of(stanza)


HASHES = ("MD5Sum:", "SHA1:", "SHA256:")
ENTRY = st.builds(
    " {} {} {}".format,
    st.sampled_from(("0" * 32, "a" * 64, "x", "")),
    st.sampled_from(("1", "-1", "9" * 5000, "1_0", "٣", "x", "")),
    st.sampled_from(("main/Packages", "main/binary-amd64/Packages.xz", "a b", "")),
)
BLOCKS = st.lists(ENTRY, max_size=3).map(lambda entries: "\n".join("\n".join([name, *entries]) for name in HASHES))
RELEASE_LINES = st.one_of(
    st.sampled_from(HASHES),
    ENTRY,
    BLOCKS,
    st.builds(
        "{}: {}".format,
        st.sampled_from(("Date", "Valid-Until", "Suite", "Origin")),
        st.sampled_from(("Thu, 01 Jan 2026 00:00:00 UTC", "Thu, 01 Jan 0000 00:00:00 UTC", "99999", ""))
        | st.text(max_size=9),
    ),
    st.text(max_size=20),
)
DATES = ["Date: Thu, 01 Jan 2026 00:00:00 UTC", "Valid-Until: Thu, 08 Jan 2026 00:00:00 UTC"]


@settings(max_examples=400)
@given(st.lists(RELEASE_LINES, max_size=12), st.booleans(), st.binary(max_size=3))
def test_a_release_file_of_odd_lines_is_read_or_refused(lines, dated, junk):
    text = "\n".join([*(DATES if dated else []), *lines]).encode("utf-8", "surrogatepass") + junk
    try:
        release = parse_release(text)
    except CandidateRefused as error:
        assert error.remedy
        return
    assert {release.date, release.valid_until}
    assert all(entry.size >= 0 and entry.md5 and entry.sha256 for entry in release.entries.values())
