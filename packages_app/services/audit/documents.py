"""Documents of the configuration, each write of which has its line in the audit trail: what it was, and what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packages_app.core.audit import Result
from packages_app.core.batches import batches_of
from packages_app.core.documents import Document, Documents, package_of
from packages_app.core.errors import RepomgrError
from packages_app.services.audit.write import MOST_NAMES, write


@dataclass(frozen=True)
class AuditedDocuments:
    """Documents that are kept as by `kept`. All calls are as those of `Documents`."""

    kept: Documents

    def mark(self) -> str:
        """Return what is another after each write."""
        return self.kept.mark()

    def documents(self) -> list[Document]:
        """Return the newest version of each document."""
        return self.kept.documents()

    def removed(self) -> list[Document]:
        """Return the newest version of each document that was removed."""
        return self.kept.removed()

    def document(self, name: str) -> Document | None:
        """Return the newest version of a document."""
        return self.kept.document(name)

    def versions_of(self, name: str) -> list[Document]:
        """Return every version of a document, oldest first."""
        return self.kept.versions_of(name)

    def put(self, document: Document) -> None:
        """Write a version, and tell of it; of one that the table refuses too."""
        there = self.kept.document(document.name)
        before = {} if there is None else {"version": there.version, "text": there.text}
        after = {"version": document.version, "text": document.text}
        what = "configuration.remove" if document.removed else "configuration.save"
        packages = [package_of(document.name)]
        try:
            self.kept.put(document)
        except RepomgrError as error:
            write(what, result=Result.REFUSED, subject=document.name, packages=packages, given=after, code=error.code)
            raise
        write(what, subject=document.name, packages=packages, before=before, after=after)

    def put_many(self, documents: Sequence[Document]) -> list[Document]:
        """Write versions, and tell of them, of many in one line; return those whose place was taken."""
        taken = self.kept.put_many(documents)
        names = {document.name for document in taken}
        for written in batches_of([each for each in documents if each.name not in names], MOST_NAMES):
            texts, packages = ({each.name: each.text for each in written}, [package_of(each.name) for each in written])
            write("configuration.save", subject=f"{len(written)} documents", packages=packages, after=texts)
        return taken
