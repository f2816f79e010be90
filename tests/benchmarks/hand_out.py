"""What a table and two stores hold, as lines for `filled_moto`: as the product's adapters would send it."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, TextIO

from django.conf import settings

from packages_app.core.locations import DynamoTable, S3Store, StoreLocation, TableLocation
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.core.record import PackageRecord
from packages_app.package_table.dynamo_changes import line_of
from packages_app.package_table.dynamo_item import Item, values_of
from packages_app.package_table.dynamo_items import SLOTS
from packages_app.package_table.rules import LEASE_ARCHITECTURE, given_id, lease_id, releases_id
from packages_app.services import adapters


def write_items(stream: TextIO, there: TableLocation, suites: Iterable[str]) -> None:
    """Write a line for each item of the repository's table, as it would be in a table of DynamoDB."""
    if not isinstance(there, DynamoTable):
        raise TypeError(there)
    table = adapters.package_table()
    items = chain(
        (item for record in table.all_records() for item in (Item(**values_of(record)), *_places_of(record))),
        (
            item
            for suite in suites
            for item in (_releases_of(table, suite), _lease_of(table, suite), *_given_of(table, suite))
        ),
    )
    for item in items:
        _write(stream, region=there.region, table=there.name, item=item.serialize())


def write_objects(stream: TextIO, bucket: StoreLocation, store: ObjectStore) -> None:
    """Write a line for each object of a store, with the headers that a bucket is sent."""
    if not isinstance(bucket, S3Store):
        raise TypeError(bucket)
    for key, _ in store.keys(""):
        info = store.head(key)
        with store.open(key) as body:
            file = body.name
        if info is not None:
            headers = {"Content-Type": info.content_type, "Cache-Control": info.cache_control}
            headers |= {f"x-amz-meta-{name}": value for name, value in info.metadata.items()}
            _write(stream, bucket=bucket.bucket, key=key, file=file, headers=headers)


def _places_of(record: PackageRecord) -> Iterator[Item]:
    return (line_of(suite, record.key, SLOTS) for suite in record.suites)


def _releases_of(table: PackageTable, suite: str) -> Item:
    return Item(releases_id(suite), LEASE_ARCHITECTURE, releases=list(table.releases_of(suite)))


def _given_of(table: PackageTable, suite: str) -> Iterator[Item]:
    if given := table.last_given(suite):
        date = int(given.date.timestamp())
        yield Item(given_id(suite), LEASE_ARCHITECTURE, given_date=date, fingerprint=given.fingerprint)


def _lease_of(table: PackageTable, suite: str) -> Item:
    """Give the suite's lease, free, with the fence that it had before this look, which takes it."""
    name = f"publish:{suite}"
    lease = table.take_lease(name, "bench", settings.LEASE_SECONDS)
    table.release_lease(lease)
    return Item(lease_id(name), LEASE_ARCHITECTURE, holder=lease.holder, fence=lease.fence - 1, expires=0)


def _write(stream: TextIO, **line: Any) -> None:
    json.dump(line, stream, default=_as_sent)
    stream.write("\n")


def _as_sent(value: bytes) -> str:
    """Return binary attributes as requests have them (DynamoDB API, AttributeValue)."""
    return b64encode(value).decode()
