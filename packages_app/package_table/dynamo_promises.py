"""What we rely on of a DynamoDB, tried with items of the trial's own: a server that lacks it is not used.

A condition is tried by a write that must be refused and by one that must not. Source: DynamoDB API, UpdateItem,
TransactWriteItems, GetItem and Query with ConsistentRead.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

from pynamodb.exceptions import PynamoDBException, TransactWriteError
from tenacity import retry_never

from packages_app.package_table.dynamo_changes import condition_failed
from packages_app.package_table.dynamo_item import INDEX_NAME, Item
from packages_app.package_table.dynamo_items import DynamoItems, Transaction, code_of
from packages_app.package_table.rules import SERVICE, pending_id

CONDITION_FAILED = "ConditionalCheckFailedException"


def broken_promises(items: DynamoItems) -> list[str]:
    """Return what the table's server ignores, by the name of the call; raise PynamoDB's errors, so for what it lacks.

    The items of the trial are removed, after an error too; that we may not remove them is found before any is written.
    They are pending changes of a suite that no repository can have, such as `deploy/iam-policy-worker.json` lets us
    remove.
    """
    partition = pending_id(f"{SERVICE}probe-{uuid4().hex}")
    keys = [(partition, name) for name in ("one", "two")]
    items.delete_all(keys)
    try:
        return [*_broken_writes(items, partition), *_broken_transactions(items, partition)]
    finally:
        items.delete_all(keys)


def _broken_writes(items: DynamoItems, partition: str) -> Iterator[str]:
    if not _is_made(items, partition):
        yield "the condition of UpdateItem is refused although it holds"
    if items.get((partition, "one")) is None:
        yield "GetItem with ConsistentRead lacks what was just written"
    if _is_made(items, partition):
        yield "the condition of UpdateItem is ignored"
    list(items.of_index(INDEX_NAME, partition, newest_only=True))


def _broken_transactions(items: DynamoItems, partition: str) -> Iterator[str]:
    one, two = (partition, "one"), (partition, "two")
    fence_before = _fence_of(items, partition)
    new = Item.package_id.does_not_exist()
    refused = items.transaction()
    refused.put(Item(*two), new)
    refused.put(Item(*one), new)
    if _is_committed(items, refused):
        yield "the condition of TransactWriteItems is ignored"
    elif items.get(two) is not None or _fence_of(items, partition) != fence_before:
        yield "TransactWriteItems does a part of what it refuses"
    items.delete_all([two])
    fence_before = _fence_of(items, partition)
    holds = items.transaction()
    holds.put(Item(*two), new)
    holds.update(one, [Item.fence.add(1)], Item.package_id.exists())
    if not _is_committed(items, holds):
        yield "the condition of TransactWriteItems is refused although it holds"
    elif len(list(items.of_partition(partition))) != 2 or _fence_of(items, partition) == fence_before:
        yield "Query or GetItem with ConsistentRead lack what a transaction just wrote"


def _is_made(items: DynamoItems, partition: str) -> bool:
    try:
        items.update((partition, "one"), [Item.fence.add(1)], Item.fence.does_not_exist())
    except PynamoDBException as error:
        if code_of(error) != CONDITION_FAILED:
            raise
        return False
    return True


def _fence_of(items: DynamoItems, partition: str) -> int:
    item = items.get((partition, "one"))
    return int(item["fence"]["N"]) if item is not None and "fence" in item else 0


def _is_committed(items: DynamoItems, transaction: Transaction) -> bool:
    try:
        items.commit(transaction, again=retry_never)
    except TransactWriteError as error:
        if condition_failed(error):
            return False
        raise
    return True
