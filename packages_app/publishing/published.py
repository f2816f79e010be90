"""What a suite's clients see now, read back from the bucket."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey
from packages_app.indexes.compression import GZIP, READERS
from packages_app.indexes.entry import entries_in
from packages_app.indexes.release import Release, parse_release
from packages_app.signing.openpgp import verified_text


@dataclass(frozen=True)
class Published:
    """The InRelease in place. `release` is None when there is none, or one that our key did not sign.

    `etag` is what the commit's `If-Match` must name; None says that there is no object. `text` is the signed text.
    """

    etag: str | None
    release: Release | None
    text: bytes = b""


def read_published(store: ObjectStore, suite: str, keyring: bytes) -> Published:
    """Read a suite's InRelease, with the ETag of just these bytes: whatever comes later makes the commit fail."""
    try:
        body, etag = store.read_with_etag(suite_path(suite, "InRelease"))
    except ObjectNotFound:
        return Published(None, None)
    try:
        text = verified_text(body, keyring)
        if text is not None:
            return Published(etag, parse_release(text), text)
    except CandidateRefused:
        pass  # no Release of ours: the next publication replaces it
    return Published(etag, None)


def published_packages(store: ObjectStore, suite: str, release: Release) -> dict[TableKey, str]:
    """Return the Filename of each package in the published indexes; one that is gone or damaged counts as empty."""
    packages: dict[TableKey, str] = {}
    for name in release.entries:
        if name.endswith("/Packages"):
            try:
                text = read_index(store, suite, name, release)
                packages.update((entry.key, entry.pool_path) for entry in entries_in(text))
            except (ObjectNotFound, CandidateRefused):
                continue
    return packages


def read_index(store: ObjectStore, suite: str, name: str, release: Release) -> bytes:
    """Read a Packages index by hash; its gzip form where the uncompressed one is not stored.

    Raise `ObjectNotFound`, and `CandidateRefused` when it is not what Release says.
    """
    packed = f"{name}{GZIP}"
    try:
        return read_by_hash(store, by_hash_path(suite, name, release.entries[name].sha256))
    except ObjectNotFound:
        if packed not in release.entries:
            raise
    text = READERS[GZIP](read_by_hash(store, by_hash_path(suite, packed, release.entries[packed].sha256)))
    _check(text, release.entries[name].sha256, name)
    return text


def read_by_hash(store: ObjectStore, key: str) -> bytes:
    """Read an index by hash; raise `ObjectNotFound`, and `CandidateRefused` when it is not what its name says."""
    body = store.read(key)
    _check(body, key.rpartition("/")[2], key)
    return body


def _check(body: bytes, sha256: str, what: str) -> None:
    found = hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise CandidateRefused(
            f"{what} is damaged: it has SHA256 {found}.", remedy="Mend it: verify_repository --repair."
        )
