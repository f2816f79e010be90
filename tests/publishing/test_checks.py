"""A candidate is read back before the switch: what is not as its Release and its shards say is refused."""

from dataclasses import replace

import pytest

from packages_app.core.errors import CandidateRefused
from packages_app.indexes.release import ReleaseEntry, render_release
from packages_app.publishing.checks import candidate_checked
from packages_app.publishing.shard_cache import ShardCache
from packages_app.services import adapters
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from tests.caches import AwayCache
from tests.records import make_record

INDEX = "main/binary-amd64/Packages"
OF_TWO_ARCHITECTURES = 4
"""The compressed forms."""


@pytest.fixture
def candidate(candidate_of):
    return candidate_of([make_record(f"p{number}") for number in range(90)])


def check(candidate, cache):
    with candidate_checked(candidate, adapters.signer().public_keyring(), ShardCache(cache)):
        pass


def test_a_sound_candidate_passes_with_a_cache_and_without(candidate, cache):
    check(candidate, cache)
    check(candidate, cache)
    check(candidate, AwayCache())


def rewrite(candidate, ending, change):
    path = candidate.folder / f"{INDEX}{ending}"
    path.write_bytes(change(path.read_bytes()))
    return candidate


def flip(at):
    return lambda body: body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def release_with(candidate, change):
    entries = change(dict(candidate.draft.entries))
    release = render_release(adapters.repository(), candidate.suite, entries, adapters.now())
    signer = adapters.signer()
    return replace(
        candidate, release=release, release_gpg=signer.sign_detached(release), in_release=signer.sign_clear(release)
    )


def without_xz(entries):
    return {name: entry for name, entry in entries.items() if not name.endswith("amd64/Packages.xz")}


def with_another_hash(entries):
    entry = entries[INDEX]
    return {**entries, INDEX: ReleaseEntry(entry.size, entry.md5, entry.sha1, "0" * 64)}


def signed_by_another(candidate):
    return replace(candidate, in_release=OpenPgpSigner(generate_key("Another")).sign_clear(candidate.release))


def signed_for_another(candidate):
    return replace(candidate, release_gpg=adapters.signer().sign_detached(candidate.release + b"X"))


@pytest.mark.parametrize(
    ("corrupt", "says"),
    [
        (lambda it: rewrite(it, "", flip(700)), "does not unpack"),
        (lambda it: rewrite(it, ".gz", flip(700)), "can't be unpacked"),
        (lambda it: rewrite(it, ".xz", flip(700)), "can't be unpacked"),
        (lambda it: rewrite(it, ".xz", lambda body: body[:-4]), "does not begin and end"),
        (lambda it: rewrite(it, ".xz", lambda body: body[:900] + body[904:]), "can't be unpacked"),
        (lambda it: rewrite(it, ".gz", lambda body: body[:-4]), "can't be unpacked"),
        (lambda it: release_with(it, without_xz), "exactly the indexes"),
        (lambda it: release_with(it, with_another_hash), "exactly the indexes"),
        (signed_by_another, "signature"),
        (signed_for_another, "signature"),
    ],
)
def test_a_corrupt_candidate_is_refused(candidate, cache, corrupt, says):
    check(candidate, cache)  # which keeps what the sound files unpack to
    with pytest.raises(CandidateRefused, match=says):
        check(corrupt(candidate), cache)


def test_bytes_that_were_unpacked_once_are_known_by_their_hash(candidate, cache):
    check(candidate, cache)
    assert len(cache.put) == len(set(cache.put)) == OF_TWO_ARCHITECTURES
    check(candidate, cache)
    assert len(cache.put) == OF_TWO_ARCHITECTURES


@pytest.mark.parametrize("change", [lambda value: ("0" * 64, value[1]), lambda value: value[:1], lambda _: 5])
def test_what_the_cache_gives_back_otherwise_is_unpacked_again(candidate, cache, change):
    check(candidate, cache)
    for key in cache.put.copy():
        cache.set(key, change(cache.get(key)))
    before = len(cache.put)
    check(candidate, cache)
    assert sorted(cache.put[before:]) == sorted(cache.put[:OF_TWO_ARCHITECTURES])


def test_a_file_that_was_seen_to_unpack_to_something_else_is_refused(candidate, cache):
    for ending in (".gz", ".xz"):
        ShardCache(cache).keep_unpacked(candidate.draft.entries[f"{INDEX}{ending}"].sha256, "0" * 64)
    with pytest.raises(CandidateRefused, match="does not unpack"):
        check(candidate, cache)


def test_a_finding_of_the_files_is_found_though_the_block_went_well(candidate):
    went_well = False
    with (
        pytest.raises(CandidateRefused, match="does not unpack"),
        candidate_checked(
            rewrite(candidate, "", flip(700)), adapters.signer().public_keyring(), adapters.shard_cache()
        ),
    ):
        went_well = True
    assert went_well
