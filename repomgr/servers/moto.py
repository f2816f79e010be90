"""moto over HTTP, one request at a time: its dictionaries and transactions race otherwise. Prints its port."""

from __future__ import annotations

import copy
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from random import Random
from string import ascii_letters, digits
from typing import Any

# Buckets are in the path, and no browser asks (moto's documented settings, read when it is imported).
os.environ.setdefault("S3_IGNORE_SUBDOMAIN_BUCKETNAME", "true")
os.environ.setdefault("MOTO_DISABLE_GLOBAL_CORS", "true")

from moto.core import responses
from moto.core.parse import BaseJSONParser
from moto.core.serialize import BaseJSONSerializer, BaseXMLSerializer
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.moto_api._internal import mock_random
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import create_server

_TEXT = "S"
_PLAIN = frozenset(("S", "N", "SS", "NS", "BOOL", "NULL"))
"""Types of values whose form in a request, in memory and in an answer is the same."""
_LISTED = "Object"
"""What the members of `Contents` in the answer of ListObjectsV2 are called in S3's description."""
_LARGEST_ITEM = 405_000
"""Bytes of an item at most, as moto has it; AWS says 400 KB."""
_INDEX_NAME = 6
"""Where the name of an index stands among the arguments of `Table.query` that follow the key."""


class Dispatcher(DomainDispatcherApplication):
    """moto's choice of a service by the host; moto lists the folders of all its services at each request for it."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._services: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the service that a host stands for, None for an unknown one."""
        if host not in self._services:
            self._services[host] = super().get_backend_for_host(host)
        return self._services[host]


class Snapshots:
    """What a transaction puts back when it fails: moto copies each whole table, items and all, once for each write.

    Here a table is copied once a transaction: the dictionaries of its items, and of these those that it writes.
    """

    def __init__(self) -> None:
        self._writes: list[Mapping[str, Any]] | None = None
        self._made: dict[str, Table] = {}

    @contextmanager
    def of(self, writes: Iterable[Mapping[str, Any]]) -> Iterator[None]:
        """Copy tables in this way for the block, which carries these writes out."""
        self._writes, self._made = [op for write in writes for op in write.values()], {}
        try:
            yield
        finally:
            self._writes = None

    def copy(self, table: Table, memo: dict[int, Any]) -> Table:
        """Return a copy of a table: a deep one, but within a transaction only of what that writes."""
        if self._writes is None:
            whole = copy.copy(table)
            memo[id(table)] = whole
            vars(whole).update({name: copy.deepcopy(value, memo) for name, value in vars(table).items()})
            return whole
        if table.name not in self._made:
            self._made[table.name] = self._snapshot(table, self._writes)
        return self._made[table.name]

    @staticmethod
    def _snapshot(table: Table, writes: Iterable[Mapping[str, Any]]) -> Table:
        snapshot = copy.copy(table)
        items: Any = defaultdict(dict)
        items.update({key: dict(row) if table.range_key_attr else row for key, row in table.items.items()})
        snapshot.items = items
        for write in writes:
            key = write.get("Key") or write.get("Item") or {}
            if write.get("TableName") != table.name or table.hash_key_attr not in key:
                continue
            place, at = items, DynamoType(key[table.hash_key_attr])
            if table.range_key_attr:
                place, at = items.get(at, {}), DynamoType(key[table.range_key_attr])
            if at in place:
                place[at] = copy.deepcopy(place[at])
        return snapshot


def copy_what_is_written() -> None:
    """Let moto's transactions copy what they write, not the table."""
    snapshots, transact = Snapshots(), DynamoDBBackend.transact_write_items

    def transact_write_items(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        with snapshots.of(transact_items):
            transact(backend, transact_items)

    def deepcopy(table: Table, memo: dict[int, Any]) -> Table:
        return snapshots.copy(table, memo)

    backend_class: Any = DynamoDBBackend
    table_class: Any = Table
    backend_class.transact_write_items = transact_write_items
    table_class.__deepcopy__ = deepcopy


def look_at_one_partition() -> None:
    """Let a query of moto's tables look at its partition; moto sorts all items of the table for each.

    And let it take a text as it is: moto asks each value for all its types in turn, at every comparison.
    """
    query, all_items, cast_value = Table.query, Table.all_items, DynamoType.__dict__["cast_value"].fget
    partitions: list[DynamoType] = []

    def query_one(table: Table, hash_key: DynamoType, *arguments: Any, **options: Any) -> Any:
        by_index = arguments[_INDEX_NAME]
        if table.range_key_attr and not by_index:
            partitions.append(hash_key)
        try:
            return query(table, hash_key, *arguments, **options)
        finally:
            partitions.clear()

    def items_of_one(table: Table) -> list[Any]:
        if not partitions:
            return all_items(table)
        return list(table.items.get(partitions[0], {}).values())

    def value_of(value: DynamoType) -> Any:
        return value.value if value.type == _TEXT else cast_value(value)

    table_class: Any = Table
    table_class.query = query_one
    table_class.all_items = items_of_one
    type_class: Any = DynamoType
    type_class.cast_value = property(value_of)


def take_values_as_they_are() -> None:
    """Let a request's plain values be taken, and answered, as they stand: moto asks each for all fields it could have.

    The same goes for the objects that a bucket's listing names.

    And weigh an item once: moto weighs what it has of it at each attribute.
    """
    parse: Any = BaseJSONParser._parse_structure
    serialize: Any = BaseJSONSerializer._serialize_type_structure
    serialize_members: Any = BaseXMLSerializer._serialize_type_list

    def is_plain(shape: Any, value: Any) -> bool:
        return shape.name == "AttributeValue" and type(value) is dict and len(value) == 1 and value.keys() <= _PLAIN

    def parse_structure(parser: Any, shape: Any, value: Any) -> Any:
        return value if is_plain(shape, value) else parse(parser, shape, value)

    def serialize_structure(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if is_plain(shape, value):
            serializer._default_serialize(serialized, value, shape, key)
        else:
            serialize(serializer, serialized, value, shape, key)

    def make_item(item: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
        values = {key: DynamoType(value) for key, value in attrs.items()}
        if sum(len(key.encode()) + value.size() for key, value in values.items()) > _LARGEST_ITEM:
            raise ItemSizeTooLarge
        item.hash_key, item.range_key, item.attrs = hash_key, range_key, LimitedSizeDict()
        dict.update(item.attrs, values)

    def serialize_list(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.member.name != _LISTED:
            serialize_members(serializer, serialized, value, shape, key)
        elif value:
            names = shape.member.members
            serialized[key] = [{name: one[name] for name in names if one.get(name) is not None} for one in value]

    parser_class: Any = BaseJSONParser
    parser_class._parse_structure = parse_structure
    serializer_class: Any = BaseJSONSerializer
    serializer_class._serialize_type_structure = serialize_structure
    list_serializer_class: Any = BaseXMLSerializer
    list_serializer_class._serialize_type_list = serialize_list
    item_class: Any = Item
    item_class.__init__ = make_item


def do_once_what_is_the_same() -> None:
    """Let moto list the methods of a class once, not at each request, and make ids of requests in one go."""
    listed: Any = responses
    listed.method_names_from_class = lru_cache(listed.method_names_from_class)
    random: Any = type(mock_random)
    random.get_random_string = random_string


def random_string(random: Random, length: int = 20, include_digits: bool = True, lower_case: bool = False) -> str:
    """Return letters, and digits if wanted, at random (the signature is moto's)."""
    text = "".join(random.choices(ascii_letters + digits * include_digits, k=length))
    return text.lower() if lower_case else text


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request that waits for no body where it has none: waitress asks for one, and goes on asking."""

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request."""
        super().parse_header(header_plus)
        if not self.chunked and self.content_length == 0:
            self.expect_continue = False


class Connection(HTTPChannel):  # type: ignore[misc]
    """Reads such requests."""

    parser_class = Request


def with_raw_uri(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return an application that finds the address as it was sent where werkzeug's server puts it, for moto."""

    def named(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return application({**environ, "RAW_URI": environ["REQUEST_URI"]}, start_response)

    return named


def serve(application: Callable[..., Iterable[bytes]]) -> None:
    """Serve an application that answers by moto's `Dispatcher`, on a free port that is printed, until it is ended.

    By one thread, while another reads and sends. Connections stay, which werkzeug's server closes after each answer.
    """
    copy_what_is_written()
    look_at_one_partition()
    take_values_as_they_are()
    do_once_what_is_the_same()
    server: Any = create_server(
        with_raw_uri(application), listen="127.0.0.1:0", threads=1, connection_limit=1000, ident=None
    )
    server.channel_class = Connection
    sys.stdout.write(f"{server.effective_port}\n")
    sys.stdout.flush()
    server.run()


if __name__ == "__main__":
    serve(Dispatcher())
