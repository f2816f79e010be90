"""Tables as the release before made them: without lists of suites, and what its processes still write to them."""

from __future__ import annotations

import sqlite3
from typing import Any
from uuid import uuid4

from packages_app.core.record import PackageRecord, TableKey
from packages_app.package_table.dynamo_item import Item, values_of
from packages_app.package_table.dynamo_table import DynamoPackageTable
from packages_app.package_table.sqlite_table import SqlitePackageTable

_NEW = ("-listed", "-suite#", "-pending#")


def as_before(table: Any) -> None:
    """Take the lists out of a table, so that it is as the earlier release left it."""
    if isinstance(table, SqlitePackageTable):
        with sqlite3.connect(table._path) as connection:
            for name in ("record_added", "record_changed", "record_removed"):
                connection.execute(f"DROP TRIGGER {name}")
            connection.execute("DROP TABLE memberships")
        return
    keys = keys_of(table)
    pending = [key for key in keys if key[0].startswith("-pending#")]
    table._items.put_all(Item(f"-changed#{partition.split('#')[1]}", token) for partition, token in pending)
    table._items.delete_all(key for key in keys if key[0].startswith(_NEW))


def keys_of(table: DynamoPackageTable) -> list[TableKey]:
    """Return the keys of all items of a table, whatever they are."""
    items, after = table._items.scan_page(0, 1, None)
    assert after is None, "more than a page"
    return [(item["package_id"]["S"], item["architecture"]["S"]) for item in items]


def write_as_before(table: Any, record: PackageRecord) -> None:
    """Write a new record as the earlier release does."""
    if isinstance(table, SqlitePackageTable):
        table.put_new(record)  # whose file keeps the lists by itself
        return
    table._items.put(Item(**values_of(record)))
    for suite in record.suites:
        table._items.put(Item(f"-changed#{suite}", "|".join((*record.key, uuid4().hex))))


def move_as_before(table: Any, record: PackageRecord, suites: list[str]) -> None:
    """Change a record's suites as the earlier release does."""
    if isinstance(table, SqlitePackageTable):
        table.set_suites(record, suites)
        return
    table._items.update(record.key, [Item.suites.set(sorted(suites))])
    for suite in {*record.suites, *suites}:
        table._items.put(Item(f"-changed#{suite}", "|".join((*record.key, uuid4().hex))))
