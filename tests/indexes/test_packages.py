"""Records to indexes: what a client would read."""

import gzip
import lzma
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debian.deb822 import Packages
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.repository import Suite, load_repository
from packages_app.indexes.compression import FORMS, READERS, gzip_form, xz_form
from packages_app.indexes.packages import build_indexes, packages_text, split_complete
from packages_app.indexes.release import parse_release, release_date, render_release
from tests.records import make_record, record_lists, records

SUITE = Suite("stable", "stable", "1.0", "Test", ("main", "extra"), ("amd64", "arm64"), timedelta(days=14))
REPOSITORY = load_repository(Path(__file__).resolve().parents[2] / "config" / "repository.yaml")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def index_of(indexes, name):
    return next(index for index in indexes if index.name == name)


def test_indexes_are_sorted_by_name_then_by_debian_version():
    unsorted = [make_record("b"), make_record("a", "1.10"), make_record("a", "1.9"), make_record("a", "1.9~rc1")]
    complete, _ = split_complete(SUITE, unsorted)
    assert [(r.package_name, r.version) for r in complete] == [
        ("a", "1.9~rc1"),
        ("a", "1.9"),
        ("a", "1.10"),
        ("b", "1.0"),
    ]


def test_an_all_package_is_in_every_architecture_and_no_index_of_its_own():
    indexes = list(build_indexes(SUITE, [make_record("docs", architecture="all")]))
    for architecture in ("amd64", "arm64"):
        assert b"Package: docs" in index_of(indexes, f"main/binary-{architecture}/Packages").body
    assert not any("binary-all" in index.name for index in indexes)


def test_an_index_without_packages_is_there_and_empty():
    indexes = list(build_indexes(SUITE, [make_record()]))
    assert index_of(indexes, "extra/binary-arm64/Packages").body == b""
    assert gzip.decompress(index_of(indexes, "extra/binary-arm64/Packages.gz").body) == b""


def test_a_record_lacking_fields_is_left_out_and_its_fields_are_named():
    complete, left_out = split_complete(SUITE, [make_record(), make_record("bare", md5_hash="", file_size=None)])
    assert [record.package_name for record in complete] == ["hello"]
    assert [str(item) for item in left_out] == ["bare#1.0 amd64: no file_size, no md5_hash"]


def test_a_record_of_a_place_that_the_suite_lacks_is_left_out_with_the_reason():
    elsewhere = [make_record("a", component="restricted"), make_record("b", architecture="riscv64")]
    _, left_out = split_complete(SUITE, elsewhere)
    assert [item.reasons for item in left_out] == [
        ("component restricted is not in suite stable",),
        ("architecture riscv64 is not in suite stable",),
    ]


def test_compressed_forms_carry_no_time_and_read_back():
    text = b"Package: hello\n" * 1000
    assert gzip_form(text)[4:8] == b"\0\0\0\0"
    for ending, form in FORMS.items():
        assert form(text) == form(text)
        assert READERS[ending](form(text)) == text


def test_an_xz_form_is_one_stream(tmp_path):
    path = tmp_path / "Packages.xz"
    path.write_bytes(xz_form(b"Package: hello\n" * 1000))
    assert lzma.LZMADecompressor().decompress(path.read_bytes()) == b"Package: hello\n" * 1000
    if shutil.which("xz"):
        listed = subprocess.run(["xz", "--robot", "--list", str(path)], capture_output=True, text=True, check=True)
        assert "file\t1\t1" in listed.stdout


@settings(max_examples=150)
@given(record_lists(suites=("stable", "testing"), incomplete=True))
def test_p9_every_complete_record_is_in_its_indexes_and_nothing_else_is(drawn):
    complete, left_out = split_complete(SUITE, drawn)
    assert len(complete) + len(left_out) == len(drawn)
    indexes = list(build_indexes(SUITE, complete))
    for architecture in SUITE.architectures:
        text = index_of(indexes, f"main/binary-{architecture}/Packages").body
        found = [
            (p["Package"], p["Version"], p["Architecture"]) for p in Packages.iter_paragraphs(text, use_apt_pkg=False)
        ]
        wanted = [r for r in drawn if not r.missing_fields() and r.architecture in ("all", architecture)]
        assert sorted(found) == sorted((r.package_name, r.version, r.architecture) for r in wanted)


@settings(max_examples=100)
@given(record_lists(), st.randoms())
def test_p4_the_same_records_give_the_same_bytes_in_whatever_order_they_come(drawn, random):
    shuffled = list(drawn)
    random.shuffle(shuffled)
    first, second = (list(build_indexes(SUITE, split_complete(SUITE, some)[0])) for some in (drawn, shuffled))
    assert first == second


@settings(max_examples=100)
@given(records())
def test_p8_a_stanza_has_every_required_field_with_the_records_values(record):
    [stanza] = Packages.iter_paragraphs(b"".join(packages_text([record])), use_apt_pkg=False)
    assert stanza["Package"] == record.package_name
    assert stanza["Version"] == record.version
    assert stanza["Architecture"] == record.architecture
    assert stanza["Maintainer"] == record.maintainer
    assert stanza["Description"].splitlines()[0] == record.description.splitlines()[0]
    assert stanza["Filename"] == record.pool_path
    assert int(stanza["Size"]) == record.file_size
    assert (stanza["MD5sum"], stanza["SHA1"]) == (record.md5_hash, record.sha1_hash)
    assert stanza["SHA256"] == record.sha256_hash


@settings(max_examples=100)
@given(record_lists())
def test_p13_p14_release_has_its_fields_and_the_checksums_of_the_index_bytes(drawn):
    indexes = list(build_indexes(SUITE, split_complete(SUITE, drawn)[0]))
    release = parse_release(render_release(REPOSITORY, SUITE, indexes, NOON))
    assert set(release.entries) == {index.name for index in indexes}
    for index in indexes:
        entry, found = release.entries[index.name], checksums_of_bytes(index.body)
        assert (entry.size, entry.md5, entry.sha1, entry.sha256) == (found.size, found.md5, found.sha1, found.sha256)
    wanted = "Origin Label Suite Codename Version Architectures Components Description Date Valid-Until Acquire-By-Hash"
    assert {*wanted.split(), "MD5Sum", "SHA1", "SHA256"} == set(release.fields)
    assert release.fields["Architectures"] == "amd64 arm64"
    assert release.date == NOON
    assert release.valid_until == NOON + timedelta(days=14)


def test_a_release_date_is_english_and_utc():
    assert release_date(datetime(2026, 3, 1, 7, 8, 9, tzinfo=UTC)) == "Sun, 01 Mar 2026 07:08:09 UTC"
