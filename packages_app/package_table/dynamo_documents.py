"""The documents of the distributed package table: the newest of all in one partition, every version in its own.

A write is one transaction of three items: the version, the newest version, and the mark that says that something was
written.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from uuid import uuid4

from packages_app.core.batches import batches_of
from packages_app.core.documents import ConfigurationOutdated, Document, check_size, read_document, written_document
from packages_app.core.locations import DynamoTable
from packages_app.package_table.dynamo_changes import committed
from packages_app.package_table.dynamo_errors import errors_told
from packages_app.package_table.dynamo_item import Item
from packages_app.package_table.dynamo_items import DynamoItems
from packages_app.package_table.raw_table import RawItem
from packages_app.package_table.rules import DOCUMENTS, LEASE_ARCHITECTURE, MOST_ITEMS, document_id

_DIGITS = 9
"""Of a version as a sort key."""
_MOST = (MOST_ITEMS - 1) // 2
"""Documents of a transaction: two items each, and the mark."""
_MOST_BYTES = 800_000
"""Of their texts. The items have at most 4 MB together (DynamoDB API, TransactWriteItems); each text is in two of them,
and up to twice as long with its quotes escaped."""


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
        return [document for document in self._all() if not document.removed]

    def removed(self) -> list[Document]:
        """Return the newest version of each document that is there no more, by the same query."""
        return [document for document in self._all() if document.removed]

    def _all(self) -> list[Document]:
        with errors_told(self._location.name, "query_documents", DOCUMENTS):
            items = list(self._items.of_partition(DOCUMENTS))
        return [_document_in(item) for item in items if item["architecture"]["S"] != LEASE_ARCHITECTURE]

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
        with errors_told(self._location.name, "put_document", document.name):
            written = self._written([document])
        # A try that was repeated may meet what it has written itself.
        if not written and (current := self.document(document.name)) != document:
            raise ConfigurationOutdated(document.name, document.version - 1, current)

    def put_many(self, documents: Sequence[Document]) -> list[Document]:
        """Write versions, many in a transaction; one that meets another has each of its documents written alone."""
        for document in documents:
            check_size(document)
        taken: list[Document] = []
        largest = max((len(document.text.encode()) for document in documents), default=0) + 1
        for some in batches_of(documents, min(_MOST, _MOST_BYTES // largest)):
            with errors_told(self._location.name, "put_documents", some[0].name):
                alone = [] if self._written(some) else some
            for document in alone:
                try:
                    self.put(document)
                except ConfigurationOutdated:
                    taken.append(document)
        return taken

    def _written(self, documents: Sequence[Document]) -> bool:
        """Write versions in one transaction with the mark; return False where one before any is not the newest."""
        transaction = self._items.transaction()
        for document in documents:
            text, before = written_document(document), document.version - 1
            is_before = Item.document_version == before if before else Item.package_id.does_not_exist()
            place = f"{document.version:0{_DIGITS}}"
            transaction.put(Item(document_id(document.name), place, document=text), Item.package_id.does_not_exist())
            newest = Item(DOCUMENTS, document.name, document=text, document_version=document.version)
            transaction.put(newest, is_before)
        transaction.put(Item(DOCUMENTS, LEASE_ARCHITECTURE, document=uuid4().hex))
        return committed(self._items, transaction)


def _document_in(item: RawItem) -> Document:
    return read_document(item["document"]["S"])
