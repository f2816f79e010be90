"""Objects read as clients read them, over HTTP, and as they lie in the bucket: within bounds, hashed on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from http import HTTPStatus
from typing import Protocol, Self

import httpx
from tenacity import retry_if_exception_type

from packages_app.core.certificates import trusted
from packages_app.core.checksums import CHUNK_BYTES, ChecksumPass, Checksums, chunks_of
from packages_app.core.errors import ObjectNotFound, RepomgrError
from packages_app.core.layout import is_immutable, public_address
from packages_app.core.ports import ObjectStore
from packages_app.core.retry import SERVER, retrying

CONNECTIONS = 4
_LONGEST_SECONDS = 3600.0
_MOST_REDIRECTS = 5
_CACHED_FOR = timedelta(minutes=2)
"""Twice what `core.layout` lets caches keep an object that changes."""
_PASSING = (httpx.TransportError, httpx.StreamError)
_FAULTS = (*_PASSING, httpx.HTTPError, httpx.InvalidURL)


class Unreadable(RepomgrError):
    """An object can't be read; `missing` says that it is not there, otherwise it is too large or its reading failed."""

    code = "unreadable"

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message, remedy="Verify the repository, with --repair.")
        self.missing = missing


@dataclass(frozen=True)
class Reading:
    """An object that was read to its end. `body` is b"" unless it was to be kept."""

    checksums: Checksums
    content_type: str
    body: bytes = b""


class Reader(Protocol):
    """Where objects are read from."""

    def read(self, key: str, limit_bytes: int, *, keep: bool = False) -> Reading:
        """Read an object of at most `limit_bytes`, and keep its bytes or not; raise `Unreadable`."""
        ...


class StoredObjects:
    """Objects as they lie in a store."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, key: str, limit_bytes: int, *, keep: bool = False) -> Reading:
        """Read an object from the store, whose own errors are raised as they are."""
        try:
            info = self._store.head(key)
            if info is None:
                raise Unreadable("It is not in the bucket.", missing=True)
            if info.size > limit_bytes:
                raise Unreadable(f"It has {info.size} bytes in the bucket, {limit_bytes} at most are expected.")
            with self._store.open(key) as stream:
                return _read(chunks_of(stream), info.content_type, limit_bytes, keep=keep)
        except ObjectNotFound as error:
            raise Unreadable("It is not in the bucket.", missing=True) from error

    def modified(self, key: str) -> datetime | None:
        """Return when an object was written (UTC), None for one that is not there."""
        info = self._store.head(key)
        return info.modified if info else None


class ServedObjects:
    """Objects below a public address; a context manager. Safe for several threads, which share its connections."""

    def __init__(self, public_url: str, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._public_url = public_url
        self._tries = retrying(SERVER, retry_if_exception_type(_PASSING), sleep=sleep)
        self._client = httpx.Client(
            verify=trusted(),
            timeout=httpx.Timeout(30.0, connect=10.0),
            limits=httpx.Limits(max_connections=CONNECTIONS),
            follow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            # As apt asks for indexes: what a cache has is to be checked.
            headers={"User-Agent": "repomgr-verify", "Accept-Encoding": "identity", "Cache-Control": "no-cache"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def unreachable(self, key: str) -> str:
        """Ask for an object; return why there is no server that answers, "" when one does, whatever it says."""
        try:
            self._tries(self._ask, key)
        except _FAULTS as error:
            return _named(error)
        return ""

    def read(self, key: str, limit_bytes: int, *, keep: bool = False) -> Reading:
        """Read an object over HTTP; a connection that breaks, and a server's own finding, are tried three times."""
        try:
            return self._tries(self._once, key, limit_bytes, keep=keep)
        except _FAULTS as error:
            raise Unreadable(f"Clients can't fetch it: {_named(error)}.") from error

    def _ask(self, key: str) -> None:
        with self._client.stream("GET", public_address(self._public_url, key)) as response:
            status = response.status_code
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise httpx.ReadError(_said(status))

    def _once(self, key: str, limit_bytes: int, *, keep: bool) -> Reading:
        deadline = time.monotonic() + _LONGEST_SECONDS
        with self._client.stream("GET", public_address(self._public_url, key)) as response:
            status = response.status_code
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.TOO_MANY_REQUESTS:
                raise httpx.ReadError(f"the server answers {_said(status)}")
            if status != HTTPStatus.OK:
                gone = status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
                raise Unreadable(f"Clients are answered {_said(status)}.", missing=gone)
            content_type = response.headers.get("Content-Type", "")
            return _read(response.iter_raw(CHUNK_BYTES), content_type, limit_bytes, keep=keep, deadline=deadline)


class Discrepancy(Enum):
    """What is wrong with an object."""

    MISSING = "missing"
    DIFFERS = "differs"
    NOT_SERVED = "not_served"


@dataclass(frozen=True)
class ObjectFinding:
    """What is wrong with an object, and a sentence about it."""

    discrepancy: Discrepancy
    text: str


Check = Callable[[Reader], str]
"""Reads an object and gives what is wrong with it, "" when nothing; raises `Unreadable`."""


@dataclass(frozen=True)
class View:
    """The repository from both sides. `served` is None when the public address can't be reached."""

    stored: StoredObjects
    served: ServedObjects | None
    now: datetime

    def object_finding(self, key: str, check: Check) -> ObjectFinding | None:
        """Look at an object as a client; where it is not as it should be, look whether the bucket's own is.

        What is right in the bucket and not with clients is a matter of addresses, rights or caches. Where caches may
        still hold what was there before, it is none at all.
        """
        if self.served is None:
            return _object_finding(self.stored, check)
        seen = _object_finding(self.served, check)
        if seen is None:
            return None
        stored = _object_finding(self.stored, check)
        if stored is not None:
            return stored
        modified = self.stored.modified(key)
        if not is_immutable(key) and modified is not None and self.now - modified < _CACHED_FOR:
            return None
        return ObjectFinding(Discrepancy.NOT_SERVED, f"{seen.text} The bucket holds it as it should be.")


def _object_finding(reader: Reader, check: Check) -> ObjectFinding | None:
    try:
        said = check(reader)
    except Unreadable as error:
        return ObjectFinding(Discrepancy.MISSING if error.missing else Discrepancy.DIFFERS, error.message)
    return ObjectFinding(Discrepancy.DIFFERS, said) if said else None


def _read(
    chunks: Iterable[bytes], content_type: str, limit_bytes: int, *, keep: bool, deadline: float = float("inf")
) -> Reading:
    sums, body = ChecksumPass(), bytearray()
    for chunk in chunks:
        sums.update(chunk)
        if sums.size > limit_bytes:
            raise Unreadable(f"It is larger than the {limit_bytes} bytes that are expected.")
        if time.monotonic() > deadline:
            raise Unreadable(f"Reading it took longer than {_LONGEST_SECONDS:.0f} s.")
        if keep:
            body += chunk
    return Reading(sums.result(), content_type, bytes(body))


def _named(error: Exception) -> str:
    return str(error) or type(error).__name__


def _said(status: int) -> str:
    return f"{status} {httpx.codes.get_reason_phrase(status)}".strip()
