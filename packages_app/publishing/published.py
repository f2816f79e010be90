"""What a suite's clients see now, read back from the bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from packages_app.core.errors import CandidateRefused, InvalidVersion, ObjectNotFound
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey
from packages_app.indexes.compression import GZIP, READERS, UNCOMPRESSED, UNREADABLE, XZ
from packages_app.indexes.entry import entries_in
from packages_app.indexes.release import Release, parse_release, read_loosely
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signatures import clear_fault, detached_fault
from packages_app.signing.unproven import Claim, claims_of, keys_in, unproven_text

_FORMS = (UNCOMPRESSED, GZIP, XZ)


@dataclass(frozen=True)
class Unrecognised:
    """What stands in a suite's place and is no Release of our key's that clients take as it is.

    `why` is a sentence. `claims` are the signatures as they tell of themselves; `ours` says that all name our key, and
    `proven` that its text is ours all the same. `text` and `release` are what is read there, None where nothing can be
    read, and believed by nobody unless it is `proven` or `of_pair`: that of Release, which Release.gpg proves. `sha256`
    is that of the bytes in place.
    """

    why: str
    sha256: str
    claims: tuple[Claim, ...] = ()
    ours: bool = False
    proven: bool = False
    text: bytes = b""
    release: Release | None = None
    of_pair: bool = False

    @property
    def is_anothers(self) -> bool:
        """Say whether it bears signatures, and not of our key alone."""
        return bool(self.claims) and not self.ours

    @property
    def date(self) -> datetime | None:
        """When it says that it was made: its Date or the time of its signature, whichever is later."""
        dates = [claim.made for claim in self.claims if claim.made is not None]
        if self.release is not None and "Date" in self.release.fields:
            dates.append(self.release.date)
        return max(dates, default=None)


@dataclass(frozen=True)
class Published:
    """What is in place. `release` is None when there is nothing, or nothing that our key has signed as clients take it.

    `etag` is that of InRelease, what the commit's `If-Match` must name; None says that there is no such object: then
    `release` may be that of Release and Release.gpg. `text` is the signed text. `unrecognised` is what is there and
    does not pass for ours, `kept` the Release that was given last, by staging, where the bucket has nothing any more.
    """

    etag: str | None
    release: Release | None
    text: bytes = b""
    unrecognised: Unrecognised | None = None
    kept: Release | None = None

    @property
    def seen(self) -> Release | None:
        """What clients see, as well as it is known: to compare with, not to build upon."""
        if self.release is not None:
            return self.release
        return (self.unrecognised.release if self.unrecognised is not None else None) or self.kept

    @property
    def seen_text(self) -> bytes:
        """The text that `seen` was read from; b"" where that is not in the bucket."""
        return self.unrecognised.text if self.unrecognised is not None else self.text

    @property
    def nothing_is_there(self) -> bool:
        """Say whether neither InRelease nor Release is there."""
        return self.etag is None and self.release is None and self.unrecognised is None


@dataclass(frozen=True)
class PublishedPackages:
    """The Filename of each package in published indexes; not `complete` when an index could not be read."""

    paths: Mapping[TableKey, str] = field(default_factory=dict)
    complete: bool = True


def read_published(store: ObjectStore, suite: str, keyring: bytes) -> Published:
    """Read a suite's InRelease, with the ETag of just these bytes: whatever comes later makes the commit fail.

    Where there is none, Release with Release.gpg, which clients take then.
    """
    try:
        body, etag = store.read_with_etag(suite_path(suite, "InRelease"))
    except ObjectNotFound:
        return _pair(store, suite, keyring)
    claims = claims_of(body)
    text = verified_text(body, keyring)
    if text is None:
        why = "It bears no good signature of the key in use."
        return Published(etag, None, unrecognised=_unrecognised(store, suite, body, claims, keyring, why))
    if why := clear_fault(body, text, keyring):
        return Published(etag, None, unrecognised=_unrecognised(store, suite, body, claims, keyring, why))
    return _ours(etag, text, body, claims)


def _pair(store: ObjectStore, suite: str, keyring: bytes) -> Published:
    """Return what Release and Release.gpg are, where there is no InRelease."""
    text = _read(store, suite, "Release")
    if text is None:
        return Published(None, None)
    signature = _read(store, suite, "Release.gpg") or b""
    claims = claims_of(signature)
    good = bool(signature) and verified_text(text, keyring, signature=signature) is not None
    if good and not detached_fault(signature, text, keyring):
        return _ours(None, text, text, claims)
    why = "There is no InRelease, and no good signature of the key in use on Release."
    return Published(None, None, unrecognised=_unrecognised(store, suite, text, claims, keyring, why))


def _ours(etag: str | None, text: bytes, body: bytes, claims: Iterable[Claim]) -> Published:
    try:
        return Published(etag, parse_release(text), text)
    except CandidateRefused as error:
        sha256 = hashlib.sha256(body).hexdigest()
        release = read_loosely(text)
        proven = release is not None
        odd = Unrecognised(error.message, sha256, tuple(claims), ours=True, proven=proven, text=text, release=release)
        return Published(etag, None, unrecognised=odd)


def _unrecognised(
    store: ObjectStore, suite: str, body: bytes, claims: list[Claim], keyring: bytes, why: str
) -> Unrecognised:
    """Tell what is there; where the text can't be read, Release may still say it."""
    keys = keys_in(keyring)
    ours = bool(claims) and all(claim.key in keys for claim in claims)
    text = unproven_text(body) or b""
    odd = Unrecognised(
        why, hashlib.sha256(body).hexdigest(), tuple(claims), ours, text=text, release=read_loosely(text)
    )
    if odd.is_anothers and odd.release is not None:
        return odd
    # Of what is damaged the text may be too: that of the pair says what was published.
    pair, signature = _read(store, suite, "Release") or b"", _read(store, suite, "Release.gpg")
    proven = bool(signature) and verified_text(pair, keyring, signature=signature) is not None
    if proven or odd.release is None:
        odd = replace(odd, text=pair, release=read_loosely(pair), of_pair=proven)
    return odd


def _read(store: ObjectStore, suite: str, name: str) -> bytes | None:
    try:
        return store.read(suite_path(suite, name))
    except ObjectNotFound:
        return None


def published_packages(store: ObjectStore, suite: str, release: Release) -> PublishedPackages:
    """Return the packages in the published indexes; one that is gone or damaged counts as empty."""
    packages: dict[TableKey, str] = {}
    complete = True
    for folder in sorted({name.rpartition("/")[0] for name in release.entries if _is_packages(name)}):
        try:
            text = _any_form(store, suite, folder, release)
            packages.update((entry.key, entry.pool_path) for entry in entries_in(text))
        except (ObjectNotFound, CandidateRefused, InvalidVersion, *UNREADABLE):
            complete = False
    return PublishedPackages(packages, complete)


def _is_packages(name: str) -> bool:
    return name.rpartition("/")[2] in {f"Packages{ending}" for ending in _FORMS}


def _any_form(store: ObjectStore, suite: str, folder: str, release: Release) -> bytes:
    """Return the text of an index in whichever form it is there, by hash or, as another tool leaves it, by name."""
    if f"{folder}/Packages" in release.entries:
        try:
            return read_index(store, suite, f"{folder}/Packages", release)
        except ObjectNotFound:
            pass
    for ending in _FORMS:
        name = f"{folder}/Packages{ending}"
        if name not in release.entries:
            continue
        try:
            body = store.read(suite_path(suite, name))
            _check(body, release.entries[name].sha256, name)
            return READERS[ending](body)
        except ObjectNotFound:
            continue
    raise ObjectNotFound(f"No form of {folder}/Packages is there.", remedy="Mend it: verify_repository --repair.")


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
