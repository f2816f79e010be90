"""An object's bytes from S3, read to their end also over a connection that breaks."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, HTTPClientError, IncompleteReadError
from tenacity import retry_if_exception_type

from packages_app.core.retry import NO_PAUSE, retrying
from packages_app.stores.s3_connection import fault_of_body

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Fetch = Callable[[int, str], Mapping[str, Any]]
"""Gives the answer to a get request for the bytes from a position on, of the object with an ETag ("": whichever)."""

_BUFFER_BYTES = 256 * 1024
_BROKE_OFF = (HTTPClientError, IncompleteReadError)
_tries = retrying(NO_PAUSE, retry_if_exception_type(_BROKE_OFF))


class ResumedBody(io.RawIOBase):
    """Reads an answer's body; where it breaks off, the rest of the same object is asked for, three tries in a row.

    `fetch` raises the store's errors; `gave_up` makes the one to raise when tries run out.
    """

    def __init__(self, fetch: Fetch, gave_up: Callable[[Exception], Exception]) -> None:
        super().__init__()
        self._fetch, self._gave_up = fetch, gave_up
        answer = fetch(0, "")
        self._etag: str = answer["ETag"]
        self._size: int = answer["ContentLength"]
        self._body: Any = answer["Body"]
        self._at = 0
        self._broken = False

    @property
    def etag(self) -> str:
        """The ETag of the object whose bytes these are."""
        return self._etag

    def readable(self) -> bool:
        """Return True: it can be read (`io.RawIOBase`)."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes into a buffer; return their number, 0 at the end."""
        try:
            count = _tries(self._read_on, buffer)
        except BotoCoreError as error:  # tries ran out; or a checksum does not fit: no use in asking for the rest
            raise self._gave_up(error) from error
        self._at += count
        return count

    def close(self) -> None:
        """Give the connection back to its pool."""
        if not self.closed:
            self._body.close()
        super().close()

    def _read_on(self, buffer: WriteableBuffer) -> int:
        if self._broken:
            self._body.close()
            # A range that begins at the end could not be satisfied.
            self._body = io.BytesIO() if self._at == self._size else self._fetch(self._at, self._etag)["Body"]
            self._broken = False
        try:
            count: int = self._body.readinto(buffer)
        except _BROKE_OFF as error:
            fault_of_body(error, self._at)
            self._broken = True
            raise
        return count


def buffered(body: ResumedBody) -> io.BufferedReader:
    """Return a buffered stream of an object's bytes; closing it lets the connection go."""
    return io.BufferedReader(body, _BUFFER_BYTES)
