"""Configuration that is made in the admin: documents in the package table, each version of which is kept.

A document is what a file of the configuration folder would be: `repository` is repository.yaml, `package/NAME` is
packages/NAME.yaml.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff
from typing import Protocol

import msgspec

from packages_app.core.errors import PackageRefused

REPOSITORY = "repository"
_PACKAGE = "package/"
LARGEST_TEXT = 100 * 1024
"""Bytes. An item of DynamoDB has at most 400 KB; definitions have some hundred bytes."""


@dataclass(frozen=True)
class Document:
    """One version of a document: `version` is 1 for the first, `text` its YAML, "" for one that removed it.

    `when` is ISO 8601 in UTC with microseconds, `who` a user's name.
    """

    name: str
    version: int
    text: str
    when: str
    who: str

    @property
    def moment(self) -> str:
        """When it was made, as people read it: in UTC, to the second."""
        return f"{datetime.fromisoformat(self.when):%Y-%m-%d %H:%M:%S} UTC"

    @property
    def removed(self) -> bool:
        """Whether the document was removed by this version."""
        return not self.text


class ConfigurationOutdated(PackageRefused):
    """A document was changed by another since it was read; `current` is what it is by now, None for one never made."""

    code = "configuration_outdated"

    def __init__(self, name: str, read: int, current: Document | None) -> None:
        by = f"{current.who} made version {current.version} at {current.moment}" if current else "it was never made"
        super().__init__(
            f"{name} was read as version {read}, and {by}.",
            remedy="Look at what differs, put your change into what is there now, and save again.",
        )
        self.current = current


class ConfigurationTooLarge(PackageRefused):
    """The text of a document is larger than the table takes."""

    code = "configuration_too_large"


class ExportRefused(PackageRefused):
    """The folder that configuration is to be exported to holds other configuration, or can't be written."""

    code = "export_refused"


class SetByFile(PackageRefused):
    """What is to be changed in the admin is set by a file of the configuration folder."""

    code = "set_by_file"


class Documents(Protocol):
    """Keeps documents in the package table. All calls raise as those of `PackageTable`; reads are consistent."""

    def mark(self) -> str:
        """Return what is another after each write of any document, cheaply: one small item; "" where none was made."""
        ...

    def documents(self) -> list[Document]:
        """Return the newest version of each document, by name, without those that were removed."""
        ...

    def removed(self) -> list[Document]:
        """Return the newest version of each document that was removed, its removal, by name."""
        ...

    def document(self, name: str) -> Document | None:
        """Return the newest version of a document, which may be its removal; None for one that was never made."""
        ...

    def versions_of(self, name: str) -> list[Document]:
        """Return every version of a document, oldest first; what it costs is their number."""
        ...

    def put(self, document: Document) -> None:
        """Write a version where the one before it is the newest: two people who change one document never mix.

        Raise `ConfigurationOutdated` otherwise, `ConfigurationTooLarge`; nothing changes then. The same again, as
        after an answer that was lost, is a success.
        """
        ...

    def put_many(self, documents: Sequence[Document]) -> list[Document]:
        """Write versions of documents of a name each, as `put` does, faster; return those whose place was taken.

        Of these nothing changes. Raise `ConfigurationTooLarge` before anything is written; of the table's errors some
        may be written by then.
        """
        ...


def of_package(name: str) -> str:
    """Return the name of the document that defines a package."""
    return f"{_PACKAGE}{name}"


def package_of(name: str) -> str:
    """Return the package that a document of this name defines; "" for another document."""
    return name.removeprefix(_PACKAGE) if name.startswith(_PACKAGE) else ""


def check_size(document: Document) -> None:
    """Raise `ConfigurationTooLarge`."""
    size = len(document.text.encode())
    if size > LARGEST_TEXT:
        raise ConfigurationTooLarge(
            f"{document.name} has {size} bytes; the table takes {LARGEST_TEXT}.",
            remedy="Shorten it, or keep it as a file of the configuration folder.",
        )


def written_document(document: Document) -> str:
    """Return a version as the table keeps it: JSON, its fields in one order."""
    return msgspec.json.encode(document).decode()


def read_document(text: str) -> Document:
    """Return the version that the table keeps as this text; raise `msgspec.DecodeError`."""
    return msgspec.json.decode(text, type=Document)


def difference(before: str, after: str) -> list[str]:
    """Return the lines of a unified difference between two texts, without its head; [] for the same text."""
    return list(unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
