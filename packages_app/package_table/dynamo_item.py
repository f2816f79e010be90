"""The table's items as PynamoDB sees them (docs/ARCHITECTURE.md, The package table)."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BinaryAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from packages_app.core.record import PackageRecord, architecture_and_build
from packages_app.core.suite_change import SuiteChange, read_from
from packages_app.package_table.packed_text import PACKED, packed, unpacked
from packages_app.package_table.raw_table import RawItem, TableShape

INDEX_NAME = "by_name"
PURGED = "purged"
"""What a tombstone has, and no record."""

SHAPE = TableShape(
    keys=("package_id", "architecture"),
    key_schema=[
        {"AttributeName": "package_id", "KeyType": "HASH"}, {"AttributeName": "architecture", "KeyType": "RANGE"},
    ],
    attributes=[
        {"AttributeName": name, "AttributeType": "S"}
        for name in ("package_id", "architecture", "package_name", "version_key")
    ],
    indexes=[
        {
            "IndexName": INDEX_NAME,
            "KeySchema": [
                {"AttributeName": "package_name", "KeyType": "HASH"},
                {"AttributeName": "version_key", "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": "ALL"},
        }
    ],
)  # fmt: skip
"""The package table's keys, and its index of names, which sorts as apt does."""

# Texts of a record that are kept as they are, besides the key.
_TEXTS = (
    "package_name", "version", "package_type", "component", "section", "priority", "maintainer", "homepage",
    "description", "depends", "deb_url", "actual_filename", "pool_path", "md5_hash", "sha1_hash", "sha256_hash",
    "sha512_hash", "certificate_url", "signature_url", "notes", "pub_date", "processed_timestamp", "control",
    "other_fields",
)  # fmt: skip


class Item(Model):
    """One item: a record, a tombstone, a change of suites, a lease, a line of a list, a document, or a note of a suite.

    That is its `releases`, or what its clients were given last: `given_date` (seconds since the epoch) and
    `fingerprint`. A tombstone has the key of the record that was, and `purged`: what purged it. A lease has `holder`,
    `fence` and `expires`. A line has a key alone, and its record's `build` where there is one; the lists are those of
    each suite's records and of its pending changes. A `document` is one of `core.documents`, as JSON. It says what an
    item is made of; `DynamoItems` reads and writes.
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
    given_date = NumberAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)
    suite_change = UnicodeAttribute(null=True)
    other_fields = UnicodeAttribute(null=True)
    purged = UnicodeAttribute(null=True)
    build = UnicodeAttribute(null=True)
    document = UnicodeAttribute(null=True)
    document_version = NumberAttribute(null=True)
    packed = BinaryAttribute(null=True, legacy_encoding=False)
    for _name in _TEXTS:
        locals().setdefault(_name, UnicodeAttribute(null=True))
    del _name


def purged_by(item: RawItem) -> SuiteChange | None:
    """Return what purged the record in whose place a tombstone stands; None for an item that is none."""
    return read_from(item[PURGED]["S"]) if PURGED in item else None


def values_of(record: PackageRecord) -> dict[str, Any]:
    """Return the attributes of a record's item; raise `InvalidVersion`."""
    return {**packed(record.as_dict()), "architecture": record.built_for, "version_key": record.version_key}


def suites_update(record: PackageRecord, changed: PackageRecord) -> tuple[list[Action], Condition]:
    """Return what makes a record's item one of other suites, and of other `other_fields`, and on which condition."""
    condition = Item.package_id.exists() & (Item.suites == list(record.suites))
    actions: list[Action] = [Item.suites.set(list(changed.suites))]
    if changed.other_fields != record.other_fields:
        is_there = Item.other_fields == record.other_fields
        condition &= is_there if record.other_fields else (is_there | Item.other_fields.does_not_exist())
        actions.append(Item.other_fields.set(changed.other_fields))
    return actions, condition


def record_of(item: RawItem) -> PackageRecord:
    """Return an item's record; what an older or foreign item lacks is "" or None."""
    texts = {name: item[name]["S"] for name in _TEXTS if "S" in item.get(name, ())}
    if PACKED in item:
        texts |= unpacked(item[PACKED]["B"])
    name, _, version = item["package_id"]["S"].partition("#")
    size = item.get("file_size", {}).get("N")
    architecture, build = architecture_and_build(item["architecture"]["S"])
    return PackageRecord.from_dict(
        {
            "package_name": name,
            "version": version,
            **texts,
            "architecture": architecture,
            "build": build,
            "suites": [suite["S"] for suite in item.get("suites", {}).get("L", ())],
            "file_size": size,
        }
    )
