"""A DynamoDB table of any key schema, its items as DynamoDB itself writes them: for tables older than ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
import structlog
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tenacity import retry_if_exception_type

from packages_app.core.aws_models import share_models
from packages_app.core.batches import batches_of
from packages_app.core.errors import TableMissing, TableUnavailable
from packages_app.core.locations import DynamoTable
from packages_app.core.retry import THROTTLED, retrying

RawItem = Mapping[str, Mapping[str, Any]]
"""Attributes with their types, as the API has them: `{"version": {"S": "1.0"}}`; binary values are bytes."""

_TRIES = 3
_BATCH = 25
"""BatchWriteItem takes at most 25 items (DynamoDB API)."""
_SETS = ("SS", "NS", "BS")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class TableShape:
    """A table's keys and indexes. `keys` names the key's attributes, partition first; the rest is as the API has it."""

    keys: tuple[str, ...]
    key_schema: list[dict[str, Any]]
    attributes: list[dict[str, Any]]
    indexes: list[dict[str, Any]] = field(default_factory=list)

    def key_of(self, item: RawItem) -> dict[str, Mapping[str, Any]]:
        """Return an item's key."""
        return {name: item[name] for name in self.keys}


class _LeftUnwritten(TableUnavailable):
    """A table did a part of a batch only, since it is throttled."""


class RawTable:
    """Reads and writes items of one table. Calls raise `TableMissing`, and `TableUnavailable` after three tries."""

    def __init__(self, location: DynamoTable, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self.name = location.name
        self._location = location
        self._sleep = sleep

    @cached_property
    def _client(self) -> Any:
        share_models()
        return boto3.Session().client(
            "dynamodb",
            region_name=self._location.region or None,
            endpoint_url=self._location.endpoint or None,
            config=Config(
                connect_timeout=5, read_timeout=20, retries={"total_max_attempts": _TRIES, "mode": "standard"}
            ),
        )

    def shape(self) -> TableShape:
        """Describe the table."""
        with self._call("describe_table"):
            table = self._client.describe_table(TableName=self.name)["Table"]
        roles = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
        indexes = [
            {name: index[name] for name in ("IndexName", "KeySchema", "Projection")}
            for index in table.get("GlobalSecondaryIndexes", [])
        ]
        keys = tuple(roles[role] for role in ("HASH", "RANGE") if role in roles)
        return TableShape(keys, table["KeySchema"], table["AttributeDefinitions"], indexes)

    def create(self, shape: TableShape) -> bool:
        """Make the table where it is missing, and wait until it serves; True when it was made."""
        indexes = {"GlobalSecondaryIndexes": shape.indexes} if shape.indexes else {}
        with self._call("create_table"):
            try:
                self._client.create_table(
                    TableName=self.name,
                    KeySchema=shape.key_schema,
                    AttributeDefinitions=shape.attributes,
                    BillingMode="PAY_PER_REQUEST",
                    **indexes,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceInUseException":
                    raise
                return False
            self._client.get_waiter("table_exists").wait(TableName=self.name, WaiterConfig={"Delay": 1})
        return True

    def items(self) -> Iterator[RawItem]:
        """Return every item once, in no order, by a consistent scan."""
        with self._call("scan"):
            pages = iter(self._client.get_paginator("scan").paginate(TableName=self.name, ConsistentRead=True))
        while True:
            with self._call("scan"):
                page = next(pages, None)
            if page is None:
                return
            yield from page["Items"]

    def put_all(self, items: Iterable[RawItem]) -> Iterator[int]:
        """Write items in batches, replacing what has their keys; return how many of them after each batch."""
        yield from self._write({"PutRequest": {"Item": item}} for item in items)

    def delete_all(self, keys: Iterable[Mapping[str, Any]]) -> Iterator[int]:
        """Remove the items of these keys in batches; return how many of them after each batch."""
        yield from self._write({"DeleteRequest": {"Key": key}} for key in keys)

    def _write(self, requests: Iterable[dict[str, Any]]) -> Iterator[int]:
        done = 0
        for batch in batches_of(requests, _BATCH):
            self._write_batch(batch)
            done += len(batch)
            yield done

    def _write_batch(self, batch: list[dict[str, Any]]) -> None:
        """Write a batch; what a throttled table leaves unprocessed is sent again, later each time."""
        left = batch

        def send() -> None:
            nonlocal left
            with self._call("batch_write_item"):
                answer = self._client.batch_write_item(RequestItems={self.name: left})
            left = answer.get("UnprocessedItems", {}).get(self.name, [])
            if left:
                raise _LeftUnwritten(
                    f"DynamoDB left {len(left)} items of {self.name} unwritten {THROTTLED.tries} times.",
                    remedy="Raise the table's write capacity, then run the command again: it goes on from here.",
                )

        def failed(number: int, _error: BaseException) -> None:
            log.warning("table_throttled", table=self.name, unprocessed=len(left), attempt=number)

        retrying(THROTTLED, retry_if_exception_type(_LeftUnwritten), sleep=self._sleep, failed=failed)(send)

    @contextmanager
    def _call(self, operation: str) -> Iterator[None]:
        try:
            yield
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
            log.warning("table_call_gave_up", operation=operation, table=self.name, code=code)
            if code == "ResourceNotFoundException":
                raise TableMissing(
                    f"There is no DynamoDB table {self.name}.", remedy="Check its name, region and endpoint."
                ) from error
            raise TableUnavailable(
                f"DynamoDB failed at {operation} of {self.name}: {error}.",
                remedy="Check the endpoint, the credentials and their rights on the table.",
            ) from error


def canonical(item: RawItem) -> str:
    """Return an item as text that is the same for items with the same values: sets have no order."""
    return json.dumps(_ordered(item), sort_keys=True, default=lambda value: value.hex())


def _ordered(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {
            name: sorted(inner, key=repr) if name in _SETS and isinstance(inner, (list, set)) else _ordered(inner)
            for name, inner in value.items()
        }
    return [_ordered(inner) for inner in value] if isinstance(value, list) else value
