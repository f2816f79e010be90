"""A message posted to a server of others: to checked addresses only, as downloads are, bounded in time and size."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore
import httpx

from packages_app.core.errors import UpstreamError, UpstreamUnavailable
from packages_app.core.private_upstreams import PrivateUpstreams
from packages_app.sources.connections import CheckedTransport, Deadline, checked_addresses, may_be_fetched
from packages_app.sources.exchange import is_web_address, plain, upstream_errors

_EXCERPT_BYTES = 2000


@dataclass(frozen=True)
class PostLimits:
    """Bounds of a post, in seconds: until it is connected, without a byte, and in all."""

    connect: float = 5.0
    read: float = 10.0
    overall: float = 15.0


@dataclass(frozen=True)
class Posted:
    """What a server answered: the status, the beginning of its body, the seconds that it asks to wait (0 for none)."""

    status: int
    excerpt: str
    wait: float


def check_target(url: str, allowed: PrivateUpstreams) -> None:
    """Raise `UpstreamError` for an address that nothing is sent to.

    That is one that is none, a private one that the operator does not name, and http outside of what he names. A name
    that has no address now passes: it is looked at again when something is sent.
    """
    if not is_web_address(url):
        raise UpstreamError(
            f"{plain(url)} is no web address.", remedy="Write it like https://hooks.example.org/repomgr."
        )
    parts = urlsplit(url)
    origin = _origin(url)
    with suppress(httpcore.ConnectError):
        checked_addresses(parts.hostname or "", parts.port or 0, allowed)
    if not may_be_fetched(url, allowed):
        raise UpstreamError(
            f"{origin} is http: anybody on the way could read what is sent.",
            remedy="Write the https address; or name the host in PRIVATE_UPSTREAMS, if it is of your own network.",
        )


def post(
    url: str, body: bytes, headers: Mapping[str, str], *, allowed: PrivateUpstreams, limits: PostLimits = PostLimits()
) -> Posted:
    """Post a body; return the answer, whatever its status. A redirect is an answer, and is not followed.

    Raise `UpstreamError` for a target that is forbidden (`check_target`), `UpstreamUnavailable` for a server that does
    not answer in time. Neither tells more of the address than its scheme and host: the path may be a secret.
    """
    check_target(url, allowed)
    origin = _origin(url)
    deadline = Deadline(f"The answer of {origin}", limits.overall)
    client = httpx.Client(
        transport=CheckedTransport(allowed, deadline=deadline, https_only=True),
        timeout=httpx.Timeout(limits.read, connect=limits.connect),
        follow_redirects=False,
        headers={"User-Agent": "repomgr", "Accept-Encoding": "identity"},
    )
    with (
        client,
        upstream_errors(origin, "sent to"),
        client.stream("POST", url, content=body, headers=dict(headers)) as answer,
    ):
        asked = answer.headers.get("Retry-After", "")
        wait = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0.0
        return Posted(answer.status_code, _beginning(answer), wait)


def _beginning(answer: httpx.Response) -> str:
    """Return the beginning of a body; of one that breaks off or is late, what has come: the status counts."""
    body = bytearray()
    with suppress(httpx.TransportError, httpx.StreamError, UpstreamUnavailable):
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) >= _EXCERPT_BYTES:
                break
    return bytes(body[:_EXCERPT_BYTES]).decode("utf-8", "replace")


def _origin(url: str) -> str:
    parts = urlsplit(plain(url))
    return f"{parts.scheme}://{parts.netloc}"
