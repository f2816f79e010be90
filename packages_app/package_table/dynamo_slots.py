"""Lists of record keys in DynamoDB, each spread over partitions of its own, since one takes a thousand writes a second.

What a list says of a record stands in the partition that the record's key falls into. Its sort key is the record's key,
and one part more, which tells apart what a list says of one record more than once.
"""

from __future__ import annotations

from functools import partial
from zlib import crc32

from packages_app.core.at_once import at_once
from packages_app.core.record import TableKey, built_for
from packages_app.package_table.dynamo_items import DynamoItems
from packages_app.package_table.raw_table import RawItem

_BETWEEN = "|"


def partition_of(listing: str, key: TableKey, slots: int) -> str:
    """Return the partition, of `slots`, of a list (its own key, without the slot) that a record's key falls into."""
    return _partition(listing, crc32(_BETWEEN.join(key).encode()) % slots)


def sort_key_of(key: TableKey, more: str = "") -> str:
    """Return the sort key of what a list says of a record."""
    return _BETWEEN.join((*key, more))


def sort_keys_in(items: DynamoItems, listing: str, *others: str) -> list[tuple[str, str]]:
    """Return all of a list, and of other partitions that are asked at the same time: partition and sort key, each.

    The reads are consistent; there is no order. Raise PynamoDB's errors.
    """
    partitions = [*others, *(_partition(listing, slot) for slot in range(items.slots))]
    found = at_once([partial(sort_keys_of, items, partition) for partition in partitions], len(partitions))
    return [(partition, one) for partition, some in zip(partitions, found, strict=True) for one in some]


def sort_keys_of(items: DynamoItems, partition: str) -> list[str]:
    """Return the sort keys of one partition, consistently, those of builds with the build; raise PynamoDB's errors."""
    return [_sort_key_in(item) for item in items.of_partition(partition)]


def _sort_key_in(item: RawItem) -> str:
    sort_key: str = item["architecture"]["S"]
    if "build" not in item:
        return sort_key
    package_id, architecture = key_in(sort_key)
    return sort_key_of((package_id, built_for(architecture, item["build"]["S"])))


def key_in(sort_key: str) -> TableKey:
    """Return the record's key that a sort key begins with."""
    package_id, architecture, _ = sort_key.rsplit(_BETWEEN, 2)
    return (package_id, architecture)


def _partition(listing: str, slot: int) -> str:
    return f"{listing}#{slot:02}"
