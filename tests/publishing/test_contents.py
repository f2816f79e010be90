"""What a suite shows by name: the same from entries at hand and from the shards of its indexes, one an architecture."""

import pytest
from django.core.cache.backends.locmem import LocMemCache

from packages_app.indexes.packages import plan_of
from packages_app.indexes.shards import cut
from packages_app.publishing.contents import ListedContents, ShardedContents
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.whole_draft import collect
from packages_app.services import adapters
from tests.records import make_record

OTHERS = [make_record("data", "2.0", "all"), make_record("other", "1.0", "arm64")]
OLDER = [make_record("tool", f"1.{number}.0", place) for number in (9, 10) for place in ("amd64", "arm64")]


def sharded(suite, placed):
    cache = ShardCache(LocMemCache("contents", {}))
    indexes, texts = {}, {}
    for index in plan_of(suite).folders:
        entries = [each.entry for each in placed if index in plan_of(suite).folders_of(each)]
        made = [cache.make(run, with_xz=False) for run in cut(entries)]
        indexes[index] = tuple(each.shard for each in made)
        texts |= {each.shard: each.text for each in made}
    return ShardedContents(len(placed), indexes, lambda _, shard: texts[shard])


@pytest.mark.parametrize("architecture", ["amd64", "arm64"])
def test_the_newest_of_a_name_is_found_in_whichever_index_it_is(embedded, architecture):
    suite = adapters.repository().default_suite
    newest = make_record("tool", "1.11.0", architecture)
    placed = collect(suite, [*OTHERS, newest, *OLDER]).placed
    for contents in (ListedContents([each.entry for each in placed]), sharded(suite, placed)):
        found = [(entry.package_name, entry.version, entry.architecture) for entry in contents.newest_of_each()]
        assert found == [("data", "2.0", "all"), ("other", "1.0", "arm64"), ("tool", "1.11.0", architecture)]
        assert contents.newest_of("tool").architecture == architecture
        assert contents.newest_of("none") is None
        assert contents.packages == len(placed)
