"""The table's items as PynamoDB sees them (docs/ARCHITECTURE.md, The package table)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from packages_app.core.locations import DynamoTable
from packages_app.core.record import PackageRecord

INDEX_NAME = "by_name"
TRIES = 3
# Texts of a record that are kept as they are, besides the key.
_TEXTS = (
    "package_name", "version", "package_type", "component", "section", "priority", "maintainer", "homepage",
    "description", "depends", "deb_url", "actual_filename", "pool_path", "md5_hash", "sha1_hash", "sha256_hash",
    "sha512_hash", "certificate_url", "signature_url", "notes", "pub_date", "processed_timestamp", "control",
    "other_fields",
)  # fmt: skip


class Item(Model):
    """One item: a record, a lease (`holder`, `fence`, `expires`), a suite's `releases`, or a line of a list.

    A line has a key alone; the lists are those of each suite's records and of its pending changes.

    `item_model` gives it a table.
    """

    package_id = UnicodeAttribute(hash_key=True)
    architecture = UnicodeAttribute(range_key=True)
    version_key = UnicodeAttribute(null=True)
    suites: ListAttribute[Any] = ListAttribute(null=True)
    file_size = NumberAttribute(null=True)
    releases: ListAttribute[Any] = ListAttribute(null=True)
    holder = UnicodeAttribute(null=True)
    fence = NumberAttribute(null=True)
    expires = NumberAttribute(null=True)
    for _name in _TEXTS:
        locals()[_name] = UnicodeAttribute(null=True)
    del _name


def item_model(location: DynamoTable) -> type[Any]:
    """Return the model of one table, with its index `by_name` on `package_name` and `version_key`."""

    class ByName(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]
        class Meta:
            index_name = INDEX_NAME
            projection = AllProjection()

        package_name = UnicodeAttribute(hash_key=True)
        version_key = UnicodeAttribute(range_key=True)

    class TableItem(Item):
        class Meta:
            table_name = location.name
            region = location.region or None
            host = location.endpoint or None
            billing_mode = "PAY_PER_REQUEST"
            connect_timeout_seconds = 5
            read_timeout_seconds = 20
            max_retry_attempts = TRIES - 1
            max_pool_connections = 16

        by_name = ByName()

    return TableItem


def values_of(record: PackageRecord) -> dict[str, Any]:
    """Return the attributes of a record's item; raise `InvalidVersion`."""
    return {**record.as_dict(), "version_key": record.version_key}


def record_of_raw(item: Mapping[str, Mapping[str, Any]]) -> PackageRecord:
    """Return the record of an item as the API has it, each value with its type; else as `record_of`."""
    texts = {name: item[name]["S"] for name in _TEXTS if "S" in item.get(name, ())}
    name, _, version = item["package_id"]["S"].partition("#")
    size = item.get("file_size", {}).get("N")
    return PackageRecord.from_dict(
        {
            "package_name": name,
            "version": version,
            **texts,
            "architecture": item["architecture"]["S"],
            "suites": [suite["S"] for suite in item.get("suites", {}).get("L", ())],
            "file_size": size,
        }
    )


def record_of(item: Any) -> PackageRecord:
    """Return an item's record; what an older or foreign item lacks is "" or None."""
    texts = {name: value for name in _TEXTS if (value := getattr(item, name)) is not None}
    name, _, version = item.package_id.partition("#")
    size = item.file_size
    return PackageRecord.from_dict(
        {
            "package_name": name,
            "version": version,
            **texts,
            "architecture": item.architecture,
            "suites": list(item.suites or ()),
            "file_size": None if size is None else int(size),
        }
    )
