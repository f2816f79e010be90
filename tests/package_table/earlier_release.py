"""Tables as the release before made them: without lists of suites, and what its processes still write to them."""

from __future__ import annotations

import sqlite3
from typing import Any
from uuid import uuid4

from packages_app.core.record import PackageRecord
from packages_app.package_table.dynamo_item import values_of
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
    items = table._items
    keys = [(item.package_id, item.architecture) for item in items.scan()]
    pending = [key for key in keys if key[0].startswith("-pending#")]
    with items.batch_write() as batch:
        for partition, token in pending:
            suite = partition.split("#")[1]
            batch.save(items(f"-changed#{suite}", token))
        for key in keys:
            if key[0].startswith(_NEW):
                batch.delete(items(*key))


def write_as_before(table: Any, record: PackageRecord) -> None:
    """Write a new record as the earlier release does."""
    if isinstance(table, SqlitePackageTable):
        table.put_new(record)  # whose file keeps the lists by itself
        return
    items = table._items
    items(**values_of(record)).save()
    for suite in record.suites:
        items(f"-changed#{suite}", "|".join((*record.key, uuid4().hex))).save()


def move_as_before(table: Any, record: PackageRecord, suites: list[str]) -> None:
    """Change a record's suites as the earlier release does."""
    if isinstance(table, SqlitePackageTable):
        table.set_suites(record, suites)
        return
    items = table._items
    items(*record.key).update(actions=[type(items(*record.key)).suites.set(sorted(suites))])
    for suite in {*record.suites, *suites}:
        items(f"-changed#{suite}", "|".join((*record.key, uuid4().hex))).save()
