"""Which files are the same: one decision, whoever asks."""

from hypothesis import given
from hypothesis import strategies as st

from packages_app.core.checksums import Checksums
from packages_app.core.conflict import FileIdentity, conflict_between, same_file, version_conflict
from packages_app.core.errors import VersionConflict
from packages_app.core.ports import Written
from packages_app.core.record import PackageRecord
from packages_app.package_table.rules import outcome_of_taken_key
from packages_app.sources.source import Offer

HASHES = ("a" * 64, "b" * 64)
whole = st.builds(FileIdentity, st.sampled_from(HASHES), st.sampled_from((1, 2)))
partial = st.builds(FileIdentity, st.sampled_from(("", *HASHES)), st.sampled_from((None, 1, 2)))


def record(identity):
    return PackageRecord("tool", "1.0", "amd64", sha256_hash=identity.sha256, file_size=identity.size)


@given(partial, partial)
def test_a_conflict_is_one_from_both_sides_and_only_of_parts_that_both_say(one, other):
    assert conflict_between(one, other) == conflict_between(other, one)
    assert same_file(one, other) == same_file(other, one) == (one == other)
    both_say = [(a, b) for a, b in zip(one, other, strict=True) if a not in ("", None) and b not in ("", None)]
    assert conflict_between(one, other) == any(a != b for a, b in both_say)


@given(partial)
def test_nothing_conflicts_with_itself_or_with_what_says_nothing(one):
    assert not conflict_between(one, one)
    assert not conflict_between(one, FileIdentity())
    assert same_file(one, one)


@given(whole, whole)
def test_of_files_that_are_known_whole_every_one_is_the_same_or_a_conflict(one, other):
    assert same_file(one, other) != conflict_between(one, other)
    assert record(one).same_bytes_as(record(other)) != conflict_between(one, other)


@given(partial, partial)
def test_records_files_and_offers_are_asked_in_the_same_way(one, other):
    offer = Offer("1.0", "tool.deb", "https://example.org/tool.deb", sha256=other.sha256, size=other.size)
    with_size = other._replace(size=other.size or 0)
    sums = Checksums(with_size.size, "", "", other.sha256, "")
    known = record(one).file_identity
    assert conflict_between(known, offer.file_identity) == conflict_between(one, other)
    assert conflict_between(known, record(other).file_identity) == conflict_between(one, other)
    assert conflict_between(known, sums.file_identity) == conflict_between(one, with_size)


@given(partial, partial)
def test_a_package_table_refuses_what_is_not_shown_to_be_the_same(one, other):
    try:
        written = outcome_of_taken_key(record(other), record(one))
    except VersionConflict:
        written = None
    assert (written is Written.ALREADY_THERE) == same_file(one, other) == record(one).same_bytes_as(record(other))
    assert not (written and conflict_between(one, other))


def test_a_hash_is_the_same_in_either_case():
    assert not conflict_between(FileIdentity(HASHES[0]), FileIdentity(HASHES[0].upper()))


def test_the_error_names_the_package_and_both_files():
    error = version_conflict("tool 1.0 amd64", FileIdentity(HASHES[0], 1), FileIdentity("", 2))
    assert error.code == "version_conflict"
    for said in ("tool 1.0 amd64", HASHES[0], "1 bytes", "2 bytes"):
        assert said in error.message
