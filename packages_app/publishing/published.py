"""What a suite's clients see now, read back from the bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore
from packages_app.debian.stanza import parse_stanzas
from packages_app.indexes.release import Release, parse_release
from packages_app.signing.openpgp import verified_text

PackageKey = tuple[str, str]
"""`name#version`, architecture: the table's key."""


@dataclass(frozen=True)
class Published:
    """The InRelease in place. `release` is None when there is none, or one that our key did not sign.

    `etag` is what the commit's `If-Match` must name; None says that there is no object. `text` is the signed text.
    """

    etag: str | None
    release: Release | None
    text: bytes = b""


def read_published(store: ObjectStore, suite: str, keyring: bytes) -> Published:
    """Read a suite's InRelease. The ETag is read first: whatever comes later makes the commit fail."""
    key = suite_path(suite, "InRelease")
    info = store.head(key)
    if info is None:
        return Published(None, None)
    try:
        text = verified_text(store.read(key), keyring)
        if text is not None:
            return Published(info.etag, parse_release(text), text)
    except (ObjectNotFound, CandidateRefused):
        pass  # gone meanwhile, or no Release of ours: the next publication replaces it
    return Published(info.etag, None)


def published_packages(store: ObjectStore, suite: str, release: Release) -> dict[PackageKey, tuple[str, str]]:
    """Give (Filename, SHA256) of each package in the published indexes; one that is gone or damaged counts as empty."""
    packages: dict[PackageKey, tuple[str, str]] = {}
    for name, entry in release.entries.items():
        if name.endswith("/Packages"):
            try:
                text = read_by_hash(store, by_hash_path(suite, name, entry.sha256))
            except (ObjectNotFound, CandidateRefused):
                continue
            packages.update(packages_in(text))
    return packages


def read_by_hash(store: ObjectStore, key: str) -> bytes:
    """Read an index by hash; raises `ObjectNotFound`, and `CandidateRefused` when it is not what its name says."""
    body = store.read(key)
    found = checksums_of_bytes(body).sha256
    if found != key.rpartition("/")[2]:
        raise CandidateRefused(
            f"{key} is damaged: it has SHA256 {found}.", remedy="Mend it: verify_repository --repair."
        )
    return body


def packages_in(text: bytes) -> Iterator[tuple[PackageKey, tuple[str, str]]]:
    """Give ((`name#version`, architecture), (Filename, SHA256)) of each stanza of a Packages file, in its order."""
    for stanza in parse_stanzas(text):
        key = (f"{stanza['Package']}#{stanza['Version']}", stanza["Architecture"])
        yield key, (stanza["Filename"], stanza["SHA256"])
