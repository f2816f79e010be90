"""The documents of the distributed package table: the newest of all in one partition, every version in its own.

A write is one transaction of three items: the version, the newest version, and the mark that says that something was
written.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cached_property
from uuid import uuid4

from packages_app.core.documents import ConfigurationOutdated, Document, check_size, read_document, written_document
from packages_app.core.locations import DynamoTable
from packages_app.package_table.dynamo_changes import committed
from packages_app.package_table.dynamo_errors import errors_told
from packages_app.package_table.dynamo_item import Item
from packages_app.package_table.dynamo_items import DynamoItems
from packages_app.package_table.raw_table import RawItem
from packages_app.package_table.rules import DOCUMENTS, LEASE_ARCHITECTURE, document_id

_DIGITS = 9
"""Of a version as a sort key."""


class DynamoDocuments:
    """Fulfils `core.documents.Documents`."""

    def __init__(self, location: DynamoTable, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._location = location
        self._sleep = sleep

    @cached_property
    def _items(self) -> DynamoItems:
        return DynamoItems(self._location, sleep=self._sleep)

    def mark(self) -> str:
        """Return what the last write has left, by one consistent read."""
        with errors_told(self._location.name, "get_item", DOCUMENTS):
            item = self._items.get((DOCUMENTS, LEASE_ARCHITECTURE))
        return str(item["document"]["S"]) if item is not None else ""

    def documents(self) -> list[Document]:
        """Return the newest version of each document that is there, by a query of their partition."""
        with errors_told(self._location.name, "query_documents", DOCUMENTS):
            items = list(self._items.of_partition(DOCUMENTS))
        found = [_document_in(item) for item in items if item["architecture"]["S"] != LEASE_ARCHITECTURE]
        return [document for document in found if not document.removed]

    def document(self, name: str) -> Document | None:
        """Return the newest version of a document."""
        with errors_told(self._location.name, "get_item", name):
            item = self._items.get((DOCUMENTS, name))
        return _document_in(item) if item is not None else None

    def versions_of(self, name: str) -> list[Document]:
        """Return every version of a document, by a query of its partition."""
        with errors_told(self._location.name, "query_versions", name):
            return [_document_in(item) for item in self._items.of_partition(document_id(name))]

    def put(self, document: Document) -> None:
        """Write a version where the one before it is the newest."""
        check_size(document)
        text, before = written_document(document), document.version - 1
        is_before = Item.document_version == before if before else Item.package_id.does_not_exist()
        with errors_told(self._location.name, "put_document", document.name):
            transaction = self._items.transaction()
            place = f"{document.version:0{_DIGITS}}"
            transaction.put(Item(document_id(document.name), place, document=text), Item.package_id.does_not_exist())
            newest = Item(DOCUMENTS, document.name, document=text, document_version=document.version)
            transaction.put(newest, is_before)
            transaction.put(Item(DOCUMENTS, LEASE_ARCHITECTURE, document=uuid4().hex))
            written = committed(self._items, transaction)
        # A try that was repeated may meet what it has written itself.
        if not written and (current := self.document(document.name)) != document:
            raise ConfigurationOutdated(document.name, before, current)


def _document_in(item: RawItem) -> Document:
    return read_document(item["document"]["S"])
