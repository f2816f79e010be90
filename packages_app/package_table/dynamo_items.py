"""The items of one table, read and written through PynamoDB's connection; each comes back as the API has it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import structlog
from botocore.exceptions import ClientError
from pynamodb.connection import TableConnection
from pynamodb.connection.base import MetaTable
from pynamodb.exceptions import PynamoDBException, TableDoesNotExist, TableError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from tenacity import retry_base, retry_if_exception_type, retry_never

from packages_app.core.aws_models import share_models
from packages_app.core.batches import batches_of
from packages_app.core.errors import TableUnfit
from packages_app.core.locations import DynamoTable
from packages_app.core.record import TableKey
from packages_app.core.retry import CONTENDED, THROTTLED, retrying
from packages_app.package_table.dynamo_item import SHAPE, Item
from packages_app.package_table.raw_table import RawItem

SLOTS = 16
"""The partitions of each list of keys; another number would need every list of a table written anew."""
READ_AT_ONCE = 100
"""BatchGetItem takes at most 100 keys (DynamoDB API)."""
_WRITTEN_AT_ONCE = 25
"""BatchWriteItem takes at most 25 items (DynamoDB API)."""
_TRIES = 3

log = structlog.get_logger(__name__)


class _LeftUndone(PynamoDBException):
    """A table did a part of a batch only, since it is throttled."""


class Transaction:
    """Writes that are done all or not at all; each on its condition, where it has one."""

    def __init__(self, table: TableConnection) -> None:
        self._table = table
        self._puts: list[dict[str, Any]] = []
        self._updates: list[dict[str, Any]] = []
        self._deletes: list[dict[str, Any]] = []

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """Write an item, replacing one that is there."""
        self._puts.append(
            self._table.get_operation_kwargs(
                item.package_id, item.architecture, key="Item", attributes=item.serialize(), condition=condition
            )
        )

    def update(self, key: TableKey, actions: Sequence[Action], condition: Condition) -> None:
        """Change an item."""
        self._updates.append(self._table.get_operation_kwargs(*key, actions=actions, condition=condition))

    def delete(self, key: TableKey) -> None:
        """Remove an item."""
        self._deletes.append(self._table.get_operation_kwargs(*key))

    def commit(self) -> None:
        """Do all of it; raise PynamoDB's `TransactWriteError`."""
        self._table.connection.transact_write_items(
            condition_check_items=(), delete_items=self._deletes, put_items=self._puts, update_items=self._updates
        )


class DynamoItems:
    """The items of one table. Calls raise PynamoDB's errors, after three tries; reads are consistent.

    Each call may be made by several threads at once. `slots` is the number of partitions of each list of keys.
    """

    def __init__(
        self, location: DynamoTable, *, slots: int = SLOTS, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        share_models()
        self.slots = slots
        self._name = location.name
        self._sleep = sleep
        self._table = TableConnection(
            location.name,
            region=location.region or None,
            host=location.endpoint or None,
            connect_timeout_seconds=5,
            read_timeout_seconds=20,
            max_retry_attempts=_TRIES - 1,
            max_pool_connections=32,
            meta_table=MetaTable(
                {
                    "TableName": location.name,
                    "KeySchema": SHAPE.key_schema,
                    "AttributeDefinitions": SHAPE.attributes,
                    "GlobalSecondaryIndexes": SHAPE.indexes,
                }
            ),
        )
        # Each failed try is logged, also those that botocore repeats by itself.
        self.client.meta.events.register("needs-retry.dynamodb", _log_failed_try)

    @property
    def client(self) -> Any:
        """Return botocore's client, one for all threads."""
        return self._table.connection.client

    def table_exists(self) -> bool:
        """Return whether there is such a table; raise `TableUnfit` for a server that answers, and not as DynamoDB."""
        try:
            told = self._table.describe_table()
        except TableDoesNotExist:
            return False
        except ClientError as error:  # which PynamoDB lets through here alone
            raise TableError(f"Failed to describe table: {error}", error) from error
        if not told:  # any server of HTTP says 200
            raise TableUnfit(
                f"server of the table {self._name}",
                ["the answer to DescribeTable lacks Table"],
                remedy="Check the endpoint in the table's URL: another service may listen there.",
            )
        return True

    def get(self, key: TableKey) -> RawItem | None:
        """Return an item, None for one that is not there."""
        item: RawItem | None = self._table.get_item(*key, consistent_read=True).get("Item")
        return item

    def get_many(self, keys: Iterable[TableKey]) -> list[RawItem]:
        """Return those of at most a hundred items that are there; what a throttled table leaves is asked for again."""
        left: list[Any] = [_named(key) for key in keys]
        found: list[RawItem] = []

        def ask() -> None:
            nonlocal left
            answer = self._table.batch_get_item(left, consistent_read=True)
            found.extend(answer.get("Responses", {}).get(self._name, ()))
            left = answer.get("UnprocessedKeys", {}).get(self._name, {}).get("Keys", [])
            _refuse_rest(left)

        self._patiently(ask)
        return found

    def of_partition(self, partition: str) -> Iterator[RawItem]:
        """Return all items of a partition."""
        return self._pages(partial(self._table.query, partition, consistent_read=True))

    def of_index(self, index: str, partition: str, *, newest_only: bool = False) -> Iterator[RawItem]:
        """Return all items of a partition of an index, which may lag; or the last one alone."""
        ask = partial(self._table.query, partition, index_name=index)
        if newest_only:
            return iter(ask(scan_index_forward=False, limit=1)["Items"])
        return self._pages(ask)

    def scan_page(self, segment: int, segments: int, start: Any) -> tuple[list[RawItem], Any]:
        """Return a page of a part of the table from a key on, and the key to go on from, None at the end."""
        answer = self._table.scan(
            segment=segment, total_segments=segments, exclusive_start_key=start, consistent_read=True
        )
        return answer["Items"], answer.get("LastEvaluatedKey")

    def put(self, item: Item) -> None:
        """Write an item, replacing one that is there."""
        self._table.put_item(item.package_id, item.architecture, attributes=item.serialize())

    def update(self, key: TableKey, actions: Sequence[Action], condition: Condition | None = None) -> RawItem:
        """Change an item, or make it, where a condition holds; return it as it is then."""
        answer = self._table.update_item(*key, actions=actions, condition=condition, return_values="ALL_NEW")
        item: RawItem = answer["Attributes"]
        return item

    def put_all(self, items: Iterable[Item]) -> None:
        """Write items, 25 a call, replacing those that are there."""
        for batch in batches_of(items, _WRITTEN_AT_ONCE):
            self._write_batch([item.serialize() for item in batch], [])

    def delete_all(self, keys: Iterable[TableKey]) -> None:
        """Remove items, 25 a call; one that is gone is no error."""
        for batch in batches_of(keys, _WRITTEN_AT_ONCE):
            self._write_batch([], [_named(key) for key in batch])

    def transaction(self) -> Transaction:
        """Return a transaction without a write yet."""
        return Transaction(self._table)

    def commit(self, transaction: Transaction, again: retry_base, throttled: retry_base = retry_never) -> None:
        """Do a transaction, and do it again after errors of `again`, of one that met another's, and of `throttled`."""
        commit = partial(retrying(CONTENDED, again, sleep=self._sleep), transaction.commit)
        retrying(THROTTLED, throttled, sleep=self._sleep, failed=self._log_throttled)(commit)

    def _write_batch(self, puts: list[Any], deletes: list[Any]) -> None:
        """Write a batch; what a throttled table leaves unprocessed is sent again, later each time."""

        def send() -> None:
            nonlocal puts, deletes
            answer = self._table.batch_write_item(put_items=puts, delete_items=deletes)
            left = answer.get("UnprocessedItems", {}).get(self._name, [])
            puts = [one["PutRequest"]["Item"] for one in left if "PutRequest" in one]
            deletes = [one["DeleteRequest"]["Key"] for one in left if "DeleteRequest" in one]
            _refuse_rest(left)

        self._patiently(send)

    def _patiently(self, call: Callable[[], None]) -> None:
        again = retry_if_exception_type(_LeftUndone)
        retrying(THROTTLED, again, sleep=self._sleep, failed=self._log_throttled)(call)

    def _log_throttled(self, number: int, error: BaseException) -> None:
        log.warning("table_throttled", table=self._name, error=str(error), attempt=number)

    def _pages(self, ask: Callable[..., Mapping[str, Any]]) -> Iterator[RawItem]:
        start = None
        while True:
            answer = ask(exclusive_start_key=start)
            yield from answer["Items"]
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return


def code_of(error: PynamoDBException) -> str | None:
    """Return DynamoDB's code of an error, None when no answer came, such as after a time-out."""
    answer = getattr(error.cause, "response", None) or {}  # PynamoDB's own property fails where there is none
    code: str | None = answer.get("Error", {}).get("Code")
    return code


def _named(key: TableKey) -> dict[str, str]:
    return {"package_id": key[0], "architecture": key[1]}


def _refuse_rest(left: Sequence[Any]) -> None:
    if left:
        raise _LeftUndone(f"{len(left)} items were left undone")


def _log_failed_try(
    attempts: int, response: Any = None, caught_exception: Exception | None = None, **_rest: Any
) -> None:
    """Log a failed try (a botocore event handler; return None, so that botocore decides about the retry)."""
    status = response[0].status_code if response else 0
    if caught_exception is not None or status >= 500 or (response and _throttled(response[1])):
        log.warning(
            "table_call_failed",
            attempt=attempts,
            status=status,
            error=str(caught_exception or response[1].get("Error")),
        )


def _throttled(answer: Any) -> bool:
    return "Throttl" in str(answer.get("Error", {}).get("Code", "")) or "Exceeded" in str(answer.get("Error", {}))
