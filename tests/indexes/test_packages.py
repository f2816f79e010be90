"""Records to indexes: what a client would read."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debian.deb822 import Packages
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.repository import Suite, load_repository
from packages_app.indexes.entry import entry_of
from packages_app.indexes.packages import plan_of, split_complete
from packages_app.indexes.release import ReleaseEntry, parse_release, release_date, render_release
from tests.records import make_record, record_lists, records

SUITE = Suite("stable", "stable", "1.0", "Test", ("main", "extra"), ("amd64", "arm64"), timedelta(days=14))
REPOSITORY = load_repository(Path(__file__).resolve().parents[2] / "config" / "repository.yaml")
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def texts_of(records, suite=SUITE):
    """The text of each index, by its folder."""
    placed, _ = split_complete(suite, records)
    return {
        folder: b"".join(one.entry.stanza for one in placed if folder in plan_of(suite).folders_of(one))
        for folder in plan_of(suite).folders
    }


def test_indexes_are_sorted_by_name_then_by_debian_version():
    unsorted = [make_record("b"), make_record("a", "1.10"), make_record("a", "1.9"), make_record("a", "1.9~rc1")]
    complete, _ = split_complete(SUITE, unsorted)
    assert [(one.entry.package_name, one.entry.version) for one in complete] == [
        ("a", "1.9~rc1"),
        ("a", "1.9"),
        ("a", "1.10"),
        ("b", "1.0"),
    ]


def test_an_all_package_is_in_every_architecture_and_no_index_of_its_own():
    texts = texts_of([make_record("docs", architecture="all")])
    for architecture in ("amd64", "arm64"):
        assert b"Package: docs" in texts[f"main/binary-{architecture}"]
    assert not any("binary-all" in folder for folder in texts)


def test_an_index_without_packages_is_there_and_empty():
    assert texts_of([make_record()])["extra/binary-arm64"] == b""


def test_the_plain_form_is_listed_also_where_it_is_not_stored():
    light = replace(SUITE, index_forms=("gz",))
    assert list(plan_of(light).names[:2]) == ["extra/binary-amd64/Packages", "extra/binary-amd64/Packages.gz"]
    assert list(plan_of(light).stored[:2]) == ["extra/binary-amd64/Packages.gz", "extra/binary-arm64/Packages.gz"]
    assert plan_of(SUITE).stored == plan_of(SUITE).names


def test_a_record_lacking_fields_is_left_out_and_its_fields_are_named():
    complete, left_out = split_complete(SUITE, [make_record(), make_record("bare", md5_hash="", file_size=None)])
    assert [one.entry.package_name for one in complete] == ["hello"]
    [item] = left_out
    assert (item.package_id, item.architecture) == ("bare#1.0", "amd64")
    assert item.reasons == ("no file_size", "no md5_hash")
    assert str(item).startswith("bare 1.0 amd64: ")
    assert all(reason in str(item) for reason in item.reasons)


def test_a_record_of_a_place_that_the_suite_lacks_is_left_out_with_the_reason():
    elsewhere = [make_record("a", component="restricted"), make_record("b", architecture="riscv64")]
    _, left_out = split_complete(SUITE, elsewhere)
    [[of_component], [of_architecture]] = [item.reasons for item in left_out]
    assert {"component", "restricted", "stable"} <= set(of_component.split())
    assert {"architecture", "riscv64", "stable"} <= set(of_architecture.split())


def test_a_record_with_the_control_paragraph_of_another_package_is_left_out():
    _, left_out = split_complete(SUITE, [make_record("hello", control="Package: other")])
    [item] = left_out
    assert (item.package_id, item.architecture) == ("hello#1.0", "amd64")
    [reason] = item.reasons
    assert "control" in reason
    assert split_complete(SUITE, [make_record(control="Bug: x\n\nPackage: hello")])[1] == []


def test_a_record_of_no_debian_version_is_left_out():
    _, left_out = split_complete(SUITE, [make_record("hello", "a_b")])
    [item] = left_out
    assert (item.package_id, item.architecture) == ("hello#a_b", "amd64")
    [reason] = item.reasons
    assert "'a_b'" in reason


@settings(max_examples=150)
@given(record_lists(suites=("stable", "testing"), incomplete=True))
def test_p9_every_complete_record_is_in_its_indexes_and_nothing_else_is(drawn):
    complete, left_out = split_complete(SUITE, drawn)
    assert len(complete) + len(left_out) == len(drawn)
    texts = texts_of(drawn)
    for architecture in SUITE.architectures:
        text = texts[f"main/binary-{architecture}"]
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
    assert texts_of(drawn) == texts_of(shuffled)


@settings(max_examples=100)
@given(records())
def test_p8_a_stanza_has_every_required_field_with_the_records_values(record):
    [stanza] = Packages.iter_paragraphs(entry_of(record).stanza, use_apt_pkg=False)
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
@given(st.lists(st.binary(max_size=99), min_size=12, max_size=12))
def test_p13_p14_release_has_its_fields_and_the_checksums_of_the_indexes(bodies):
    entries = {
        name: ReleaseEntry(len(body), *(hashlib.new(kind, body).hexdigest() for kind in ("md5", "sha1", "sha256")))
        for name, body in zip(plan_of(SUITE).names, bodies, strict=True)
    }
    release = parse_release(render_release(REPOSITORY, SUITE, entries, NOON))
    assert release.entries == entries
    wanted = "Origin Label Suite Codename Version Architectures Components Description Date Valid-Until Acquire-By-Hash"
    assert {*wanted.split(), "MD5Sum", "SHA1", "SHA256"} == set(release.fields)
    assert release.fields["Architectures"] == "amd64 arm64"
    assert release.date == NOON
    assert release.valid_until == NOON + timedelta(days=14)


def test_a_release_date_is_english_and_utc():
    assert release_date(datetime(2026, 3, 1, 7, 8, 9, tzinfo=UTC)) == "Sun, 01 Mar 2026 07:08:09 UTC"
