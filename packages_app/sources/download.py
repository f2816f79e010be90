"""Fetching from vendors: streamed to disk, resumed after a break, bounded in size and time, hashed on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx
import structlog
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from packages_app.core.checksums import CHUNK_BYTES, ChecksumPass, Checksums
from packages_app.core.errors import UpstreamError, UpstreamUnavailable
from packages_app.core.ports import Progress

_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_LONGEST_WAIT = 60.0
_MOST_REDIRECTS = 5
_SMALL_LIMIT = 16 * 1024 * 1024

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limits:
    """Bounds of a fetch: tries, seconds between them (doubled each time), seconds without a byte, seconds in all."""

    tries: int = 3
    wait: float = 1.0
    connect: float = 10.0
    read: float = 30.0
    overall: float = 3600.0


class _Broken(UpstreamUnavailable):
    """A try failed in a way that another may not; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, *, remedy: str, wait: float = 0.0) -> None:
        super().__init__(message, remedy=remedy)
        self.wait = wait


class Fetcher:
    """Fetches over http and https only, whatever a redirect says."""

    def __init__(self, limits: Limits = Limits(), *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._limits = limits
        self._sleep = sleep

    def get_json(self, url: str) -> Any:
        """Give a JSON document; raises `UpstreamError` for what is none, `UpstreamUnavailable` after three tries."""
        body = self.get_bytes(url, limit_bytes=_SMALL_LIMIT)
        try:
            return json.loads(body)
        except ValueError as error:
            start = body[:60].decode("utf-8", "replace").strip()
            raise UpstreamError(
                f"{plain(url)} gave no JSON: it begins with {start!r}.",
                remedy="Open the address in a browser; correct the definition's endpoint if it moved.",
            ) from error

    def get_bytes(self, url: str, *, limit_bytes: int) -> bytes:
        """Give a small body, of at most `limit_bytes`."""
        return bytes(self._tried(url, lambda: self._small(url, limit_bytes)))

    def download(
        self,
        url: str,
        target: Path,
        *,
        limit_bytes: int,
        expected_size: int | None = None,
        expected_sha256: str = "",
        progress: Progress,
    ) -> Checksums:
        """Stream a file to `target`, at most `limit_bytes`; gives its checksums.

        A try that breaks off is resumed where the server allows it. Raises `UpstreamError` when size or hash are not
        as expected; then, and after any other failure, nothing is left.
        """
        part = _Part(target.with_name(f"{target.name}.part"))
        try:
            self._tried(url, lambda: self._stream(url, part, limit_bytes, progress))
            checksums = part.checksums.result()
            _check_expected(url, checksums, expected_size, expected_sha256)
            part.path.rename(target)
        finally:
            part.path.unlink(missing_ok=True)
        return checksums

    def _tried(self, url: str, attempt: Callable[[], Any]) -> Any:
        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.wait if isinstance(error, _Broken) else 0.0
            return float(min(max(asked, self._limits.wait * 2 ** (state.attempt_number - 1)), _LONGEST_WAIT))

        def tell(state: RetryCallState) -> None:
            error = state.outcome.exception() if state.outcome else None
            log.warning("fetch_failed", url=plain(url), attempt=state.attempt_number, error=str(error))

        retrying = Retrying(
            stop=stop_after_attempt(self._limits.tries),
            wait=wait,
            retry=retry_if_exception_type(_Broken),
            sleep=self._sleep,
            after=tell,
            reraise=True,
        )
        return retrying(attempt)

    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(self._limits.read, connect=self._limits.connect)
        return httpx.Client(
            timeout=timeout,
            follow_redirects=True,
            max_redirects=_MOST_REDIRECTS,
            headers={"User-Agent": "repomgr", "Accept-Encoding": "identity"},
            event_hooks={"request": [_only_http]},
        )

    def _small(self, url: str, limit_bytes: int) -> bytes:
        body = bytearray()
        with self._client() as client, _faults(url), client.stream("GET", url) as response:
            _check_status(url, response)
            for chunk in response.iter_raw(CHUNK_BYTES):
                body += chunk
                _check_limit(url, len(body), limit_bytes)
        return bytes(body)

    def _stream(self, url: str, part: _Part, limit_bytes: int, progress: Progress) -> None:
        deadline = time.monotonic() + self._limits.overall
        with self._client() as client, _faults(url), client.stream("GET", url, headers=part.headers()) as response:
            if response.status_code == HTTPStatus.PARTIAL_CONTENT and part.continues(response):
                mode = "ab"
            else:
                if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    part.restart()
                    raise _Broken(f"{plain(url)} would not resume.", remedy="It is fetched anew.")
                _check_status(url, response)
                part.restart()
                mode = "wb"
            part.validator = _validator(response)
            total = part.checksums.size + int(response.headers.get("Content-Length", 0))
            _check_limit(url, total, limit_bytes)
            with part.path.open(mode) as stream:
                for chunk in response.iter_raw(CHUNK_BYTES):
                    stream.write(chunk)
                    part.checksums.update(chunk)
                    _check_limit(url, part.checksums.size, limit_bytes)
                    progress.advance(part.checksums.size, max(total, part.checksums.size))
                    if time.monotonic() > deadline:
                        raise UpstreamError(
                            f"{plain(url)} took longer than {self._limits.overall:.0f} s.",
                            remedy="Try again when the server is faster, or raise timeout_seconds.",
                        )


class _Part:
    """What of a file has arrived, and what says that the rest is of the same file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checksums = ChecksumPass()
        self.validator = ""

    def headers(self) -> dict[str, str]:
        """Ask for the rest, if the file has not changed (RFC 9110, 13.1.5)."""
        if not self.checksums.size or not self.validator:
            return {}
        return {"Range": f"bytes={self.checksums.size}-", "If-Range": self.validator}

    def continues(self, response: httpx.Response) -> bool:
        """Say whether a partial answer begins where the part ends."""
        content_range: str = response.headers.get("Content-Range", "")
        return content_range.startswith(f"bytes {self.checksums.size}-")

    def restart(self) -> None:
        """Forget what has arrived."""
        self.checksums = ChecksumPass()


class _faults:  # noqa: N801 - reads as a word of the with statement
    """Turns httpx's errors into ours."""

    def __init__(self, url: str) -> None:
        self._url = plain(url)

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (httpx.TransportError, httpx.StreamError)) and not isinstance(
            error, httpx.UnsupportedProtocol
        ):
            raise _Broken(
                f"{self._url} can't be fetched: {str(error) or type(error).__name__}.",
                remedy="Check that the server is up and can be reached from here, then try again.",
            ) from error
        if isinstance(error, (httpx.HTTPError, httpx.InvalidURL)):
            raise UpstreamError(
                f"{self._url} can't be fetched: {error}.", remedy="Correct the address; http and https are followed."
            ) from error


def plain(url: str) -> str:
    """Give an address without credentials and query: what may be logged."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.port:
        host = f"{host}:{parts.port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _only_http(request: httpx.Request) -> None:
    if request.url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"{request.url.scheme} is not followed")


def _validator(response: httpx.Response) -> str:
    etag: str = response.headers.get("ETag", "")
    if etag and not etag.startswith("W/"):
        return etag
    return str(response.headers.get("Last-Modified", ""))


def _check_status(url: str, response: httpx.Response) -> None:
    status = response.status_code
    if status == HTTPStatus.OK:
        return
    said = f"{plain(url)} answered {status} {response.reason_phrase}."
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asked = response.headers.get("Retry-After", "")
        wait = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        raise _Broken(said, remedy="Wait until the server is well, then check again.", wait=wait)
    raise UpstreamError(said, remedy="Open the address in a browser; correct the definition if the file moved.")


def _check_limit(url: str, size: int, limit_bytes: int) -> None:
    if size > limit_bytes:
        raise UpstreamError(
            f"{plain(url)} is larger than {limit_bytes} bytes.",
            remedy="Raise size_limit_mb in the definition if the file is meant to be that large.",
        )


def _check_expected(url: str, found: Checksums, size: int | None, sha256: str) -> None:
    if size is not None and found.size != size:
        raise UpstreamError(
            f"{plain(url)} has {found.size} bytes, {size} were announced.", remedy="Ask upstream which one is right."
        )
    if sha256 and found.sha256 != sha256.lower():
        raise UpstreamError(
            f"{plain(url)} has SHA256 {found.sha256}, {sha256.lower()} was announced.",
            remedy="Ask upstream which one is right; nothing was taken in.",
        )
