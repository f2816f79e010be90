"""Tables as they were before ours, made on moto: keyed by version with one package, and flat, keyed by package_id."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import boto3
from boto3.dynamodb.types import TypeSerializer

from packages_app.core.locations import DynamoTable
from packages_app.package_table.raw_table import RawTable, TableShape

REGION = "eu-central-1"


def make_table(moto: str, key: str, items: Iterable[Mapping[str, Any]]) -> RawTable:
    """Make a table with one key attribute and fill it; gives it."""
    table = RawTable(DynamoTable(f"old-{uuid.uuid4().hex}", REGION, moto))
    schema = [{"AttributeName": key, "KeyType": "HASH"}]
    table.create(TableShape((key,), schema, [{"AttributeName": key, "AttributeType": "S"}]))
    serialize = TypeSerializer().serialize
    list(table.put_all([{name: serialize(value) for name, value in item.items()} for item in items]))
    return table


def url_of(table: RawTable, moto: str) -> str:
    return f"dynamodb://{table.name}?region={REGION}&endpoint={moto}"


def old_record(version: str, **fields: Any) -> dict[str, Any]:
    """Give an item as the first old table had them: no package name, no architecture."""
    return {
        "version": version,
        "deb_url": f"https://vendor.example.org/kiro_{version}_amd64.deb",
        "actual_filename": f"kiro_{version}_amd64.deb",
        "file_size": Decimal(1000),
        "md5_hash": "a" * 32,
        "sha1_hash": "b" * 40,
        "sha256_hash": version.encode().hex().ljust(64, "0")[:64],
        "certificate_url": "https://vendor.example.org/certificate.pem",
        "signature_url": "https://vendor.example.org/signature.bin",
        "notes": "Notes",
        "pub_date": "2025-07-14",
        "processed_timestamp": "2025-07-15T00:00:00",
        **fields,
    }


def flat_record(name: str, version: str, **fields: Any) -> dict[str, Any]:
    """Give an item as the flat table had them."""
    return {**old_record(version), "package_id": f"{name}#{version}", "package_name": name, **fields}


def client(moto: str) -> Any:
    return boto3.client("dynamodb", endpoint_url=moto, region_name=REGION)
