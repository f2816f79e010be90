"""What records become in an index is the same with what is kept of it as without, whatever comes back."""

import random
from dataclasses import replace

import pytest

from packages_app.core.document import document_of
from packages_app.publishing.placed_cache import PlacedCache
from packages_app.publishing.whole_draft import collect, collect_known
from packages_app.services import adapters
from tests.caches import AwayCache
from tests.records import make_record

COUNT = 700


@pytest.fixture
def suite(embedded):
    return adapters.repository().default_suite


def some_records():
    """Records of all kinds: some that no index carries, and equal versions that are written in two ways."""
    chance = random.Random(5)
    records = [make_record(f"p{number}", f"1.{chance.randrange(9)}") for number in range(COUNT)]
    records += [make_record("p7", "2.0"), make_record("p7", "2.0-0"), make_record("all", architecture="all")]
    records += [make_record("bare", maintainer=""), make_record("odd", component="other")]
    return [*records, make_record("far", architecture="s390x"), make_record("ä", description="größer\n x")]


def collected(suite, records, cache):
    return collect_known(suite, map(document_of, records), PlacedCache(cache))


def test_records_become_the_same_known_or_not(suite, cache):
    records = some_records()
    anew = collect(suite, records)
    assert len(anew.left_out) == 3
    assert collected(suite, records, cache) == anew
    put = len(cache.put)
    assert put > 5
    assert collected(suite, records, cache) == anew
    assert len(cache.put) == put


def test_a_record_that_changed_is_made_anew_and_with_it_its_run_alone(suite, cache):
    records = some_records()
    collected(suite, records, cache)
    put = len(cache.put)
    records[300] = replace(records[300], description="another one")
    del records[500]
    assert collected(suite, records, cache) == collect(suite, records)
    assert 1 <= len(cache.put) - put <= 4


def test_a_suite_of_other_components_or_architectures_takes_nothing_of_this_one(suite, cache):
    records = some_records()
    collected(suite, records, cache)
    for other in (
        replace(suite, components=("main", "other")),
        replace(suite, architectures=(*suite.architectures, "s390x")),
        replace(suite, name="another"),
    ):
        assert collected(other, records, cache) == collect(other, records)


@pytest.mark.parametrize(
    "corrupt",
    [
        lambda value, other: (value[0][:-1] + bytes([value[0][-1] ^ 1]), value[1]),
        lambda value, other: other,
        lambda value, other: (other[0], value[1]),
        lambda value, other: "x",
    ],
    ids=["other bytes", "another run's", "another run's under its seal", "nonsense"],
)
def test_what_comes_back_otherwise_is_made_anew(suite, cache, corrupt):
    records = some_records()
    collected(suite, records, cache)
    one, other = cache.put[:2]
    cache.set(one, corrupt(cache.get(one), cache.get(other)))
    put = len(cache.put)
    assert collected(suite, records, cache) == collect(suite, records)
    assert cache.put[put:] == [one]


def test_a_cache_that_is_away_stops_nothing(suite):
    assert collected(suite, some_records(), AwayCache()) == collect(suite, some_records())
