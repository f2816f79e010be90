"""A shard's forms come out of the cache as they were made, or are made anew."""

import pytest

from packages_app.indexes.compression import GZIP, XZ
from packages_app.indexes.entry import entry_of
from packages_app.indexes.shards import ShardEntries
from packages_app.publishing.shard_cache import ShardCache
from tests.caches import AwayCache
from tests.records import make_record


def run_of(*names):
    return ShardEntries(tuple(entry_of(make_record(name)) for name in names))


def flipped(body):
    return bytes([body[0] ^ 1]) + body[1:]


def test_what_is_kept_is_not_made_again(cache):
    made = ShardCache(cache).make(run_of("a", "b"), with_xz=True)
    assert ShardCache(cache).make(run_of("a", "b"), with_xz=True) == made
    assert len(cache.put) == 1


def corrupt_gzip(value, _other):
    return (flipped(value[0]), *value[1:])


def corrupt_xz(value, _other):
    return (value[0], flipped(value[1]), *value[2:])


def corrupt_size(value, _other):
    return (*value[:2], value[2] + 1, value[3])


def take_anothers(_value, other):
    return other


def take_anothers_forms(value, other):
    return (*other[:3], value[3])


def make_nonsense(_value, _other):
    return "x"


@pytest.mark.parametrize(
    "corrupt", [corrupt_gzip, corrupt_xz, corrupt_size, take_anothers, take_anothers_forms, make_nonsense]
)
def test_what_comes_back_otherwise_is_made_anew(cache, corrupt):
    made = ShardCache(cache).make(run_of("a", "b"), with_xz=True)
    ShardCache(cache).make(run_of("c"), with_xz=True)
    key, other = cache.put
    sound = cache.get(key)
    cache.set(key, corrupt(sound, cache.get(other)))
    assert ShardCache(cache).make(run_of("a", "b"), with_xz=True) == made
    assert cache.get(key) == sound
    cache.set(key, corrupt(sound, cache.get(other)))
    assert ShardCache(cache).text_of(made.shard.sha256) is None


def test_a_form_that_was_not_wanted_before_is_made_when_it_is(cache):
    plain = ShardCache(cache).make(run_of("a"), with_xz=False)
    both = ShardCache(cache).make(run_of("a"), with_xz=True)
    assert (plain.form(XZ), plain.shard.xz) == (b"", 0)
    assert both.form(XZ)
    assert both.form(GZIP) == plain.form(GZIP)
    assert ShardCache(cache).make(run_of("a"), with_xz=False) == plain


def test_a_cache_that_is_away_costs_time_only(cache):
    made = ShardCache(AwayCache()).make(run_of("a"), with_xz=True)
    assert made == ShardCache(cache).make(run_of("a"), with_xz=True)
    assert ShardCache(AwayCache()).text_of(made.shard.sha256) is None
