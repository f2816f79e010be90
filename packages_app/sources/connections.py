"""Connections to others: opened to checked addresses only, so that no feed can point into a private network.

A name is resolved once, each of its addresses is checked, and the connection is made to an address that was checked:
a name server that answers otherwise the next time (DNS rebinding) gains nothing. Since every connection is made here,
a redirect's target is checked like the first address, and so is every spelling of an address (0x7f000001, 127.1).
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from packages_app.core.certificates import trusted
from packages_app.core.errors import UpstreamError, UpstreamUnavailable
from packages_app.core.private_upstreams import PrivateUpstreams, read_address
from packages_app.sources.exchange import plain

_REMEDY = "Name the host or its network in PRIVATE_UPSTREAMS if it is meant."

SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class PrivateAddress(UpstreamError):
    """An address in a private network, which PRIVATE_UPSTREAMS does not name."""


class CheckedNetwork(httpcore.NetworkBackend):
    """Connects to public addresses, and to the private ones that are allowed."""

    def __init__(self, allowed: PrivateUpstreams) -> None:
        self._allowed = allowed
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers; raise `UpstreamError` when one of them is forbidden."""
        failure: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in checked_addresses(host, port, self._allowed):
            try:
                return self._sockets.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError(f"{host} has no address")


class Deadline:
    """The moment until which the exchange with an address may go on, however often a byte arrives."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what = what
        self._seconds = seconds
        self._ends = time.monotonic() + seconds

    def left(self, timeout: float | None) -> float:
        """Return the seconds that one wait may take; raise `TookTooLong` when there are none."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TookTooLong(
                f"{self._what} took longer than {self._seconds:.0f} s.", remedy="Try again when the server is faster."
            )
        return left if timeout is None else min(left, timeout)


class TookTooLong(UpstreamUnavailable):
    """An exchange went on until its deadline."""


class TimedNetwork(httpcore.NetworkBackend):
    """Connections whose every wait ends at a deadline: a server that sends a byte now and then gains no time."""

    def __init__(self, network: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._network = network
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SocketOption] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect as the network below does."""
        left = self._deadline.left(timeout)
        stream = self._network.connect_tcp(host, port, left, local_address, socket_options)
        return _TimedStream(stream, self._deadline)


class _TimedStream(httpcore.NetworkStream):
    """A connection whose waits end at the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what arrives."""
        return self._stream.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._stream.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on over TLS."""
        left = self._deadline.left(timeout)
        return _TimedStream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """Return what the connection below tells of itself."""
        return self._stream.get_extra_info(info)


class CheckedTransport(httpx.BaseTransport):
    """What an httpx client sends through: directly, or through the proxy that the environment names.

    A company's HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY; NO_PROXY excepts hosts) stands in the environment as
    PRIVATE_UPSTREAMS does, so the operator vouches for it: its own address, private as a rule, is not checked. The
    proxy resolves the target's name and connects, so that what it may reach is for its own rules. A target that has a
    private address as seen from here is refused all the same; a name that has none here is left to the proxy.

    With `https_only` nothing is fetched over http, where whoever is on the way writes what he likes, but from hosts
    and networks that PRIVATE_UPSTREAMS names: redirects are held to that too. All that goes over it ends at `deadline`.
    """

    def __init__(self, allowed: PrivateUpstreams, *, deadline: Deadline, https_only: bool = False) -> None:
        self._allowed = allowed
        self._https_only = https_only
        self._deadline = deadline
        network = TimedNetwork(CheckedNetwork(allowed), self._deadline)
        self._direct = _PoolTransport(httpcore.ConnectionPool(ssl_context=trusted(), network_backend=network))
        self._proxied: dict[str, _PoolTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raise `UpstreamError` for a target that is forbidden."""
        host = request.url.raw_host.decode("ascii")
        if self._https_only and request.url.scheme != "https":
            _check_listed(request.url, host, self._allowed)
        proxy = _proxy_for(request.url.scheme, host)
        if not proxy:
            return self._direct.handle_request(request)
        with suppress(httpcore.ConnectError):  # not known to our resolver
            checked_addresses(host, request.url.port or 0, self._allowed)
        return self._through(proxy).handle_request(request)

    def close(self) -> None:
        """Close all connections."""
        for transport in (self._direct, *self._proxied.values()):
            transport.close()

    def _through(self, proxy: str) -> _PoolTransport:
        if proxy not in self._proxied:
            try:
                self._proxied[proxy] = _PoolTransport(_proxy_pool(proxy, self._deadline))
            except (ValueError, httpx.InvalidURL) as error:
                raise UpstreamError(
                    f"The environment names the proxy {plain(proxy)}, which can't be used: {error}.",
                    remedy="Correct HTTPS_PROXY or HTTP_PROXY; http:// and https:// proxies are understood.",
                ) from error
        return self._proxied[proxy]


def _proxy_pool(proxy: str, deadline: Deadline) -> httpcore.HTTPProxy:
    """Return the connections through an http or https proxy; raise `ValueError` for another."""
    parsed = httpx.Proxy(proxy)
    if parsed.url.scheme not in ("http", "https"):
        raise ValueError(f"it is a {parsed.url.scheme} proxy")
    return httpcore.HTTPProxy(
        httpcore.URL(str(parsed.url)),
        proxy_auth=parsed.raw_auth,
        proxy_headers=parsed.headers.raw,
        ssl_context=trusted(),
        proxy_ssl_context=trusted() if parsed.url.scheme == "https" else None,
        network_backend=TimedNetwork(httpcore.SyncBackend(), deadline),
    )


class _PoolTransport(httpx.BaseTransport):
    """Sends over connections of ours, for which httpx's own transport has no parameter (httpx, "Custom Transports")."""

    def __init__(self, connections: httpcore.ConnectionPool) -> None:
        self._connections = connections

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raise httpx's errors."""
        address = request.url
        with _errors_of_httpx():
            answer = self._connections.handle_request(
                httpcore.Request(
                    request.method,
                    httpcore.URL(
                        scheme=address.raw_scheme, host=address.raw_host, port=address.port, target=address.raw_path
                    ),
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()


class _Body(httpx.SyncByteStream):
    """An answer's body, whose errors are httpx's."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _errors_of_httpx():
            yield from self._answer.iter_stream()

    def close(self) -> None:
        """Let go of the connection."""
        self._answer.close()


@contextmanager
def _errors_of_httpx() -> Iterator[None]:
    """Raise httpcore's errors as those of httpx, which have the same names."""
    try:
        yield
    except tuple(_ERRORS) as error:
        kind = next(_ERRORS[one] for one in type(error).__mro__ if one in _ERRORS)
        raise kind(str(error)) from error


_ERRORS: dict[type[Exception], type[httpx.TransportError]] = {
    httpcore.TimeoutException: httpx.TimeoutException,
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.NetworkError: httpx.NetworkError,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.ProtocolError: httpx.ProtocolError,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


def checked_addresses(host: str, port: int, allowed: PrivateUpstreams) -> list[str]:
    """Return a host's addresses as text, in the resolver's order.

    All of them must be allowed: a name with a public and a private address is refused, since which one is reached
    would be chance. Raise `UpstreamError` then, and httpcore's `ConnectError` when the name has no address.
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError(str(error)) from error
    found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
    for address in found:
        if not allowed.permits(host, read_address(address)):
            where = address if address == host else f"{host} ({address})"
            raise PrivateAddress(f"{where} is a private address, and is not connected to.", remedy=_REMEDY)
    return found


def may_be_fetched(address: str, allowed: PrivateUpstreams) -> bool:
    """Return whether an address is https, or of a host that the operator names as one of his own network."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:  # which whoever fetches it is told
        return True
    try:
        if url.scheme != "https":
            _check_listed(url, url.raw_host.decode("ascii"), allowed)
    except UpstreamError:
        return False
    return True


def _check_listed(url: httpx.URL, host: str, allowed: PrivateUpstreams) -> None:
    """Raise `UpstreamError` unless the operator names a host, with all its addresses, as one of his own network."""
    addresses: list[str] = []
    with suppress(httpcore.ConnectError):
        addresses = checked_addresses(host, url.port or 0, allowed)
    if not addresses or not all(allowed.lists(host, read_address(address)) for address in addresses):
        raise UpstreamError(
            f"{plain(str(url))} is not fetched over http: anybody on the way could change it.",
            remedy="Write the https address; or allow: [http] in the definition, if upstream has none.",
        )


def _proxy_for(scheme: str, host: str) -> str:
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    return "" if not proxy or proxy_bypass(host) else proxy
