"""One exchange with a vendor's server: what it answered, and which faults are worth another try."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import httpx

from packages_app.core.errors import UpstreamError, UpstreamUnavailable

_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Answer:
    """What a server said: the address after redirects, the headers by lower-case name, a small body."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def said(self) -> str:
        """Return the status in words, `404 Not Found`."""
        return f"{self.status} {httpx.codes.get_reason_phrase(self.status)}".strip()


Check = Callable[[str, Answer], None]
"""Takes the address asked for and the answer; raises for what can't be used. A `Broken` is tried again."""


class Broken(UpstreamUnavailable):
    """A try failed in a way that another may not; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, *, remedy: str, wait: float = 0.0) -> None:
        super().__init__(message, remedy=remedy)
        self.wait = wait


class TooLarge(UpstreamError):
    """A body is longer than what is read of it."""


class upstream_errors:  # noqa: N801 - reads as a word of the with statement
    """Turns httpx's errors into ours; `done` says what was to be done with the address."""

    def __init__(self, url: str, done: str = "fetched") -> None:
        self._url = plain(url)
        self._done = done

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, (httpx.TransportError, httpx.StreamError)) and not isinstance(
            error, httpx.UnsupportedProtocol
        ):
            raise Broken(
                f"{self._url} can't be {self._done}: {str(error) or type(error).__name__}.",
                remedy="Check that the server is up and can be reached from here, then try again.",
            ) from error
        if isinstance(error, (httpx.HTTPError, httpx.InvalidURL)):
            raise UpstreamError(
                f"{self._url} can't be {self._done}: {error}.",
                remedy="Correct the address; http and https are followed.",
            ) from error


def plain(url: str) -> str:
    """Return an address without credentials and query: what may be logged. Of one that is none, its scheme alone."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is no number, a broken IPv6 address
        return f"{url.partition(':')[0]}:…"
    if ":" in host:
        host = f"[{host}]"
    if port:
        host = f"{host}:{port}"
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def is_web_address(url: str) -> bool:
    """Return whether an address can be asked: http or https, with a host."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        return False


def same_server(one: str, other: str) -> bool:
    """Return whether two addresses have the same scheme, host and port (an origin, RFC 6454)."""

    def origin(url: str) -> tuple[str, str | None, int | None]:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)

    return is_web_address(one) and is_web_address(other) and origin(one) == origin(other)


def only_http(request: httpx.Request) -> None:
    """Refuse a request that is neither http nor https, a redirect's too."""
    if request.url.scheme not in ("http", "https"):
        raise httpx.UnsupportedProtocol(f"{request.url.scheme} is not followed")


def check_status(url: str, answer: Answer) -> None:
    """Raise unless an answer is 200: `Broken` for passing faults, `UpstreamError` for others."""
    if answer.status == HTTPStatus.OK:
        return
    said = f"{plain(url)} answered {answer.said}."
    if answer.status in _PASSING or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asked = answer.headers.get("retry-after", "")
        wait = float(asked) if asked.isascii() and asked.isdigit() else 0.0
        raise Broken(said, remedy="Wait until the server is well, then check again.", wait=wait)
    raise UpstreamError(said, remedy="Open the address in a browser; correct the definition if the file moved.")
