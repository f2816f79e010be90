"""A stanza of a foreign index is a record when clients read it; else it is refused by name, whatever its file is."""

import lzma
import tracemalloc

import pytest

from packages_app.adoption.bounded_xz import BoundedXz
from packages_app.adoption.index import stanzas_in
from packages_app.adoption.release import parse_existing_release, read_release
from packages_app.adoption.stanza_record import record_of_stanza
from packages_app.core.errors import RepositoryRefused
from packages_app.signing.openpgp import OpenPgpSigner, generate_key

SOUND = f"""Package: tool
Version: 1.0
Architecture: amd64
Maintainer: M <m@example.org>
Depends: libc6 (>= 2.34)
Filename: pool/main/t/tool/tool_1.0_amd64.deb
Size: 1000
SHA256: {"0a" * 32}
Description: a tool
 of theirs
"""


def record(text):
    return record_of_stanza(text.encode(), "main", "stable", "2026-11-27", lambda path, *_: (path, ""))


def test_a_sound_stanza_is_a_record_with_the_path_that_it_names():
    assert record(SOUND).pool_path == "pool/main/t/tool/tool_1.0_amd64.deb"
    assert record(SOUND.replace("pool/", "./pool/")).pool_path == "pool/main/t/tool/tool_1.0_amd64.deb"
    assert record(SOUND + "Homepage: x\n").control.endswith("Homepage: x")
    assert record(SOUND + "Status: install ok installed\nChecksum-FileSize: 1\n").control == record(SOUND).control
    noble = record(SOUND + "Repomgr-Build: noble\n")
    assert (noble.build, noble.control) == ("noble", record(SOUND).control)
    assert record(SOUND + "Repomgr-Build: a/b\n").build == ""
    assert record(SOUND + "X-Text: a\u2028b\x0bc\x85d\n").control.endswith("X-Text: a\u2028b\x0bc\x85d")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("pool/main/t", "../../etc/passwd", "etc/passwd"),
        ("pool/main/t", "/etc/passwd", "/etc/passwd"),
        ("pool/main/t", "https://elsewhere.example.org", "elsewhere"),
        ("pool/main/t", "pool/\x07", "\\x07"),
        ("pool/main/t", "pool/a b", "Filename"),
        ("pool/main/t", "pool/" + "x" * 900, "Filename"),
        ("Filename: pool", "X-Name: pool", "Filename"),
        ("Size: 1000", "Size: " + "9" * 40, "Size"),
        ("Size: 1000", "Size: \u0663", "Size"),
        ("Size: 1000", "Size:", "Size"),
        ("SHA256: 0a", "SHA256: 0x", "SHA256"),
        ("Size: 1000", "Size: 1000\nMD5sum: x", "MD5sum"),
        ("Size: 1000", "Size: 1000\nSHA1: " + "0" * 41, "SHA1"),
        ("Size: 1000", "Size: 1000\nSHA512: 0", "SHA512"),
        ("Package: tool", "Package: " + "t" * 300, "Package"),
        ("Package: tool", "Package: Tool", "Package"),
        ("Package: tool", "Package: tool\u00a0", "Package"),
        ("Package: tool", "Pac\u212aage: tool", "Pac\u212aage"),
        ("Version: 1.0", "Version: v1.0", "Version"),
        ("Version: 1.0", "Version: " + "1" * 300, "Version"),
        ("amd64\nM", "amd64\nPackage: other\nM", "twice"),
        ("amd64\nM", "amd64\npackage: other\nM", "twice"),
        ("amd64\nM", "amd64\nno field\nM", "no field"),
        ("amd64\nM", "amd64\nSection: " + "x" * 70_000 + "\nM", "Section"),
        ("amd64\nM", "amd64\nEssential: maybe\nM", "Essential"),
        ("amd64\nM", "amd64\nRevision: 1\nM", "Revision"),
        ("amd64\nM", "amd64\nConflicts: a | b\nProvides: a:i386\nM", "Conflicts"),
        ("libc6 (>= 2.34)", "libc6 [amd64]", "Depends"),
        ("libc6 (>= 2.34)", ", libc6", "Depends"),
        ("libc6 (>= 2.34)", "libc6 (=1)", "Depends"),
        ("a tool", "a\x00tool", "\\x00"),
        ("a tool\n", "a tool\r\n", "\\r"),
        (" of theirs", "\x0bof theirs", "\\x0b"),
        ("a tool", "a" * 1_000_001, "1000000"),
        ("a tool", "a\n" + "".join(f"X{number}: y\n" for number in range(500)) + "X-Last: z", "500"),
    ],
)  # fmt: skip
def test_a_stanza_that_clients_do_not_read_is_refused_by_name(old, new, named):
    assert old in SOUND
    with pytest.raises(RepositoryRefused) as error:
        record(SOUND.replace(old, new))
    assert named in error.value.message
    assert error.value.remedy


def peak_of(work):
    tracemalloc.start()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def refused(plain):
    with pytest.raises(RepositoryRefused):
        list(stanzas_in(plain))


def test_blank_lines_and_a_line_without_end_take_no_memory(tmp_path):
    plain = tmp_path / "Packages"
    plain.write_bytes(b"\n" * 30_000_000 + SOUND.encode())
    assert peak_of(lambda: list(stanzas_in(plain))) < 20_000_000
    plain.write_bytes(b" \t\n" * 10_000_000 + SOUND.encode())
    assert peak_of(lambda: list(stanzas_in(plain))) < 20_000_000
    plain.write_bytes(b"X: " + b"x" * 60_000_000)
    assert peak_of(lambda: refused(plain)) < 30_000_000


def test_an_xz_file_is_read_within_a_bound_of_memory(tmp_path):
    path = tmp_path / "packed.xz"
    usual = lzma.compress(b"a" * 3_000_000) + lzma.compress(b"b" * 5) + bytes(4)
    path.write_bytes(usual)
    with BoundedXz(path) as source:
        assert b"".join(iter(lambda: source.read(1024 * 1024), b"")) == b"a" * 3_000_000 + b"b" * 5
    path.write_bytes(usual[:-20])
    with BoundedXz(path) as source, pytest.raises(EOFError):
        list(iter(lambda: source.read(1024 * 1024), b""))
    large = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * 1024 * 1024, "preset": 0}]
    packed = lzma.LZMACompressor(filters=large)
    path.write_bytes(packed.compress(b"x") + packed.flush())
    with BoundedXz(path) as source, pytest.raises(lzma.LZMAError):
        source.read(1024)


RELEASE = f"Suite: stable\nSHA256:\n {'0' * 64} 5 main/binary-amd64/Packages\n".encode()
SIGNER = OpenPgpSigner(generate_key("Theirs"))
SIGNED = SIGNER.sign_clear(RELEASE)


class Theirs:
    """A repository that has an InRelease and nothing else."""

    def __init__(self, signed):
        self.signed = signed

    def read(self, path, *, limit_bytes):
        return self.signed if path.endswith("InRelease") else None


@pytest.mark.parametrize("keyring", [SIGNER.public_keyring(), None])
def test_text_around_a_signed_release_is_refused_as_apt_refuses_it(keyring):
    assert read_release(Theirs(SIGNED), "dists/stable", keyring).fields["suite"] == "stable"
    end = b"-----END PGP SIGNATURE-----\n"
    for changed in (
        b"Suite: other\n" + SIGNED,
        b"\n" + SIGNED,
        SIGNED + b"Suite: other\n",
        SIGNED + b"\n",
        SIGNED + SIGNED,
        SIGNED.replace(end, b""),
        SIGNED.replace(b"Suite: stable\n", b"-----BEGIN PGP MESSAGE-----\nSuite: stable\n"),
        SIGNED.replace(b"-----BEGIN PGP SIGNATURE-----\n", b"-----BEGIN PGP SIGNATURE-----\n--x\n"),
    ):
        with pytest.raises(RepositoryRefused):
            read_release(Theirs(changed), "dists/stable", keyring)


def test_an_entry_of_a_release_has_a_size_that_there_is():
    with pytest.raises(RepositoryRefused):
        parse_existing_release("", RELEASE.replace(b" 5 ", b" " + b"9" * 40 + b" "))
    with pytest.raises(RepositoryRefused):
        parse_existing_release("", RELEASE.replace(b" 5 ", "\u2003٣ ".encode()))
