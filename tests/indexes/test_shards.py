"""Shards: the same entries give the same shards, whichever way they came about."""

import hashlib
import lzma
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.errors import CandidateRefused
from packages_app.indexes.compression import (
    EMPTY_GZIP,
    READERS,
    UNCOMPRESSED,
    XZ_HEADER,
    gzip_member,
    padded,
    xz_block,
    xz_tail,
)
from packages_app.indexes.entry import IndexEntry, entries_in, entry_of
from packages_app.indexes.shards import NEIGHBOURS, Shard, ShardEntries, cut, edit, steps_between
from tests.records import make_record

NAMES = [f"n{number:03}" for number in range(420)]
VERSIONS = ("1.0", "1.0-0", "1:0.5", "1.1~rc1")
KEYS = st.tuples(st.sampled_from(NAMES), st.sampled_from(VERSIONS), st.sampled_from(("amd64", "all")))


@cache
def entry(name, version="1.0", architecture="amd64", note=""):
    return entry_of(make_record(name, version, architecture, description=f"of {name}{note}"))


def by_order(entries):
    return sorted(entries, key=lambda each: each.order)


def kept(run):
    text = run.text
    first = run.entries[0]
    return Shard(
        (first.package_name, first.version, first.architecture),
        hashlib.sha256(text).hexdigest(),
        len(text),
        text.count(b"\n"),
        len(run.entries),
        len(gzip_member(text)),
        len(text) % 7 + 1,
    )


@settings(deadline=None)
@given(
    st.sampled_from((0, 5, 60, 240, 420)), st.sets(st.sampled_from(NAMES), max_size=60),
    st.dictionaries(KEYS, st.sampled_from(("put", "put anew", "take")), max_size=8),
    st.tuples(st.integers(0, 420), st.integers(0, 120)),
)  # fmt: skip
def test_an_edited_index_has_the_shards_of_one_made_anew(most, absent, changes, run_taken):
    keys = {(name, "1.0", "amd64") for name in NAMES[:most] if name not in absent}
    start, length = run_taken
    changes = changes | {(name, "1.0", "amd64"): "take" for name in NAMES[start : start + length]}
    entries = {key: entry(*key) for key in keys}
    runs = list(cut(by_order(entries.values())))
    texts = {kept(run).sha256: run.text for run in runs}
    edits = {}
    for key, change in changes.items():
        new = None if change == "take" else entry(*key, note=" anew" if change == "put anew" else "")
        edits[entry(*key).order] = new
        entries = {k: e for k, e in entries.items() if k != key} | ({key: new} if new else {})
    read = []
    old = [kept(run) for run in runs]
    edited = edit(old, edits, lambda shard: read.append(shard) or texts[shard.sha256])
    new = [kept(part) if isinstance(part, ShardEntries) else part for part in edited.parts]
    assert new == [kept(run) for run in cut(by_order(entries.values()))]
    assert edited.before == {entry(*key).key for key in changes if key in keys}
    assert len(read) <= 5 * len(changes)


def test_shards_are_of_like_length():
    lengths = [len(run.entries) for run in cut(map(entry, NAMES))]
    assert len(lengths) > 3
    assert all(NEIGHBOURS < length < 5 * NEIGHBOURS for length in lengths[1:-1])


@given(st.sets(KEYS, max_size=20), st.sets(KEYS, max_size=20))
def test_the_steps_between_two_indexes_make_the_second_of_the_first(before, after):
    old_runs, new_runs = (list(cut(by_order(entry(*key) for key in keys))) for keys in (before, after))
    texts = {kept(run).sha256: run.text for run in new_runs}
    old_file = b"".join(run.text for run in old_runs)
    made, at = b"", 0
    for step in steps_between(list(map(kept, old_runs)), list(map(kept, new_runs)), UNCOMPRESSED):
        made += old_file[at : at + step.copy]
        at += step.copy + step.skip
        if step.put is not None:
            made += texts[step.put.sha256]
    assert made == b"".join(run.text for run in new_runs)
    assert at == len(old_file)


def test_what_did_not_change_is_not_read_and_keeps_its_shard():
    old = list(map(kept, cut(map(entry, NAMES))))
    texts = {kept(run).sha256: run.text for run in cut(map(entry, NAMES))}
    assert len(old) > 3
    read = []
    new = entry(NAMES[0], "1.1~rc1")
    parts = edit(old, {new.order: new}, lambda shard: read.append(shard) or texts[shard.sha256]).parts
    assert read == old[:3]
    assert len([part for part in parts if isinstance(part, ShardEntries)]) <= 2
    assert list(parts[-2:]) == old[-2:]


def test_an_entry_that_is_there_already_changes_nothing():
    entries = list(map(entry, NAMES[:9]))
    runs = {kept(run).sha256: run for run in cut(entries)}
    gone = entry("nobody", "1.0", "amd64").order
    old = list(map(kept, runs.values()))
    edited = edit(old, {entries[3].order: entries[3], gone: None}, lambda shard: runs[shard.sha256].text)
    assert list(edited.parts) == old
    assert edited.before == {entries[3].key}


def test_versions_that_dpkg_holds_equal_stand_in_one_order():
    some = [entry("a", version, "amd64") for version in ("1.0-0", "1.0", "1.0-00")]
    assert [each.version for each in by_order(some)] == [each.version for each in by_order(reversed(some))]


@given(st.lists(st.binary(min_size=1, max_size=400), max_size=6))
def test_blocks_joined_are_one_xz_stream(texts):
    blocks = [xz_block(text) for text in texts]
    whole = XZ_HEADER + b"".join(block.body for block in blocks)
    whole += xz_tail((block.unpadded, len(text)) for block, text in zip(blocks, texts, strict=True))
    assert READERS[".xz"](whole) == b"".join(texts)
    one = lzma.LZMADecompressor(format=lzma.FORMAT_XZ)
    assert one.decompress(whole) == b"".join(texts)
    assert one.eof
    assert one.unused_data == b""
    assert [padded(block.unpadded) for block in blocks] == [len(block.body) for block in blocks]


def test_forms_without_a_shard_are_those_of_an_empty_text():
    assert READERS[".gz"](EMPTY_GZIP) == b""
    assert XZ_HEADER + xz_tail([]) == lzma.compress(b"")


def test_compressed_forms_hold_no_time():
    assert gzip_member(b"x")[4:8] == bytes(4)
    assert gzip_member(b"x" * 99) == gzip_member(b"x" * 99)


def test_entries_are_read_back_as_they_were_written():
    some = by_order(entry(name, "1:0.5", "all") for name in NAMES)
    text = b"".join(each.stanza for each in some)
    assert list(entries_in(text)) == some
    with pytest.raises(CandidateRefused, match="no field"):
        list(entries_in(b"Package: x\n\n"))


def test_a_shard_begins_with_the_entry_whose_hash_is_the_least_among_its_neighbours():
    entries = [IndexEntry(f"n{number:05}", "1.0", "amd64", b"\n") for number in range(20_000)]
    hashes = [hashlib.sha256("|".join(each.key).encode()).digest()[:8] for each in entries]
    least = [
        number
        for number, own in enumerate(hashes)
        if all(own < other for other in hashes[max(0, number - NEIGHBOURS) : number])
        and all(own < other for other in hashes[number + 1 : number + 1 + NEIGHBOURS])
    ]
    places = {each.key: number for number, each in enumerate(entries)}
    assert [places[run.entries[0].key] for run in cut(entries)] == [0, *(number for number in least if number)]
