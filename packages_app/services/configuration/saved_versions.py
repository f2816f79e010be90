"""Versions of the configuration's documents: written one after the other, looked at, compared, brought back."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from packages_app.core.documents import Document, difference
from packages_app.core.errors import RecordNotFound
from packages_app.services import adapters
from packages_app.services.mirror.definitions import mirror_definitions

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Change:
    """A version of a document, and how it differs from the one before: lines of a unified difference."""

    document: Document
    difference: list[str]


def next_version(name: str, text: str, *, read: int, who: str) -> Document:
    """Return the version of a document that is to be written by somebody who read version `read`, 0 for none.

    Of one that was removed 0 is its last version too. What is as it was read is returned as it is.
    """
    current = adapters.documents().document(name)
    if current is not None and current.removed and read == 0:
        read = current.version
    if current is not None and current.version == read and current.text == text:
        return current
    when = adapters.now().isoformat(timespec="microseconds")
    return Document(name, read + 1, text, when, who)


def keep_version(document: Document) -> None:
    """Write a version, let it count here at once; the same again is a success.

    Raise `ConfigurationOutdated`, `ConfigurationTooLarge`.
    """
    adapters.documents().put(document)
    adapters.configuration().look()
    mirror_definitions()
    log.info("configuration_saved", document=document.name, version=document.version, removed=document.removed,
             who=document.who)  # fmt: skip


def history_of(name: str) -> list[Change]:
    """Return the versions of a document, newest first, each with what it changed; [] for one never made."""
    versions = adapters.documents().versions_of(name)
    texts = ["", *(version.text for version in versions)]
    changes = [Change(one, difference(before, one.text)) for before, one in zip(texts, versions, strict=False)]
    return changes[::-1]


def version_of(name: str, version: int) -> Document:
    """Return one version of a document; raise `RecordNotFound`."""
    found = next((one for one in adapters.documents().versions_of(name) if one.version == version), None)
    if found is None:
        raise RecordNotFound(f"{name} has no version {version}.", remedy="Choose one of those that its page lists.")
    return found
