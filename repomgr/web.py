"""The web process: waitress, whose one loop reads requests and sends answers, so that no slow client holds a thread.

A thread is given whole requests alone, and what it answers is sent without it, however slowly. Threads are in lanes,
so that health and the repository wait for no upload, and no page for passwords that are guessed at.
"""

from __future__ import annotations

import resource
import signal
import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any

from django.conf import settings
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import FixedStreamReceiver
from waitress.server import MultiSocketServer, TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import RequestEntityTooLarge

from packages_app.services.rights.token_text import may_be_token, shown_secret
from packages_app.uploading import UPLOAD, holds_pass
from repomgr.addresses import of_one_customer
from repomgr.limits import (
    CONFIRM,
    HEALTH,
    LARGEST_FORM,
    LOGIN,
    METRICS,
    READY,
    REPOSITORY,
    SINGLE_SIGN_ON,
    is_for_machines,
    largest_body,
    page_of,
    takes_packages,
)

_THREADS: Mapping[str, int] = {
    "health": 1, "ready": 1, "metrics": 1, "repository": 4, "pages": 6, "login": 2, "issuer": 2, "upload": 2,
    "machines": 4, "push": 6,
}  # fmt: skip
_HEAD_SECONDS = 30
_FORM_SECONDS = 60
_UPLOAD_SECONDS = 15 * 60
_IDLE_SECONDS = 60
_LONGEST_HEAD = 32 * 1024
_LONGEST_LINE = 8 * 1024
_MOST_CONNECTIONS = 4096
_FILES_OF_OUR_OWN = 256
_FILES_OF_ONE = 2
"""A connection is one, and what it reads of the repository another."""
_LEAST_OF_ONE_ADDRESS = 16
_LONGEST_NUMBER = 18
_LONGEST_KIND = 256
"""Characters of a Content-Type; a boundary has 70 at most (RFC 2046, 5.1.1). Python counts quotes anew at each
semicolon of one: 31 KB took it 2 s, of any request to any path."""


_LANES: Mapping[str, str] = {HEALTH: "health", READY: "ready", METRICS: "metrics"}
"""Each by itself: what is ready, or measured, waits for servers that are away, and health for nothing."""


class Nothing(FixedStreamReceiver):  # type: ignore[misc]
    """Takes a body of a known length, and keeps nothing of it."""

    def received(self, data: bytes) -> int:
        """Pass over bytes; return how many."""
        used = min(len(data), self.remain)
        self.remain -= used
        self.completed = self.remain < 1
        return int(used)


class Request(HTTPRequestParser):  # type: ignore[misc]
    """Reads a request; refuses one that is too large by its head, so that nothing of its body is kept."""

    def __init__(self, adjustments: Adjustments) -> None:
        super().__init__(adjustments)
        self.began = time.monotonic()

    def parse_header(self, header_plus: bytes) -> None:
        """Take a request's head apart; raise `ParsingError`."""
        line = header_plus.partition(b"\r\n")[0]
        if len(line) > _LONGEST_LINE or line.count(b" ") != 2:
            raise ParsingError("The request line is too long, or none.")
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # waitress looks for its own errors alone, and any other is a traceback in the log
            raise ParsingError("Address or length make no sense.") from error
        if len(self.headers.get("CONTENT_LENGTH", "")) > _LONGEST_NUMBER:
            raise ParsingError("Content-Length is too long.")
        kind = self.headers.get("CONTENT_TYPE", "")
        if len(kind) > _LONGEST_KIND or "*" in kind:  # one of RFC 2231 may have a character set that nobody knows
            raise ParsingError("Content-Type is no form's.")
        if "COOKIE" in self.headers:
            # Of no cookie of ours. Python before 3.11.10 goes back over what is quoted so: 24 KB took it 5 s.
            self.headers["COOKIE"] = self.headers["COOKIE"].replace("\\", "")
        if not self.chunked and self.content_length == 0:
            self.expect_continue = False  # else waitress asks for the body that there is not, and goes on asking
        if self._may_bring_packages():
            self._largest, self._seconds = largest_body(self.command, self.path), _UPLOAD_SECONDS
        elif takes_packages(self.command, self.path) and self.content_length > LARGEST_FORM and not self.chunked:
            self._keep_nothing()

    def _keep_nothing(self) -> None:
        """Let a push without a token be answered, which says what is missing, and keep nothing of its body.

        Who waits to be asked for the body is answered at once. dput shows no token before it has sent a file whole, and
        reads no answer before: what it sends is passed over.
        """
        self._largest, self._seconds = largest_body(self.command, self.path), _UPLOAD_SECONDS
        if self.expect_continue:
            self.expect_continue, self.completed = False, True
            self.headers["CONNECTION"] = "close"
        elif self.body_rcv is not None:
            self.body_rcv = Nothing(self.content_length, self.body_rcv.getbuf())

    def _may_bring_packages(self) -> bool:
        """Return whether it is to a page that takes files, of one who shows a pass or a token of ours for it."""
        if page_of(self.path) == UPLOAD:
            return holds_pass(self.headers.get("COOKIE", ""))
        return takes_packages(self.command, self.path) and may_be_token(
            shown_secret(self.headers.get("AUTHORIZATION", ""))
        )

    def received(self, data: bytes) -> int:
        """Take bytes; return how many were used. One whose body is too large is completed by an error."""
        used = int(super().received(data))
        if self.headers_finished and not self.error and self._size > self._largest:
            self.error = RequestEntityTooLarge(f"exceeds {self._largest} bytes")
            self.completed, self.expect_continue = True, False
        return used

    body_rcv: Any = None
    error: Any = None
    _largest, _seconds = LARGEST_FORM, _FORM_SECONDS

    @property
    def _size(self) -> int:
        return int(max(self.content_length, self.body_bytes_received))

    @property
    def overdue(self) -> bool:
        """Whether its head, or all of it, takes longer than any sound client needs."""
        allowed: int = self._seconds if self.headers_finished else _HEAD_SECONDS
        return time.monotonic() - self.began > allowed


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection, for whose reading no thread waits."""

    parser_class = Request
    _is_last = False

    def service(self) -> None:
        """Answer the first request; then end, where later ones were given up."""
        super().service()
        if self._is_last:
            self.close_when_flushed = True
            self.server.pull_trigger()

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Give up what a client asks for besides while it does not read; it may ask again (RFC 9112, 9.3.2).

        waitress waits here for the client to read, with the thread. What an answer holds goes to the disk instead.
        """
        if self.total_outbufs_len > self.adj.outbuf_high_watermark:
            with self.requests_lock:
                given_up = self.requests[1:]
                del self.requests[1:]
            for request in given_up:
                request.close()
            self._is_last = self._is_last or bool(given_up)


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Ends connections that are idle or overdue, and takes no more of one address than leaves room for others."""

    channel_class = Connection

    def accept(self) -> Any:
        """Take a connection; return its socket and address, None where there is none to take."""
        taken = super().accept()
        if taken is not None and self.is_one_too_many(taken[1]):
            taken[0].close()
            return None
        return taken

    def is_one_too_many(self, address: Any) -> bool:
        """Return whether a customer, whose address is given as sockets give it, holds as many connections as he may."""
        if settings.BEHIND_HTTPS:  # all are of the proxy, which is to look after that
            return False
        most: int = max(_LEAST_OF_ONE_ADDRESS, self.adj.connection_limit // 8)
        whose = of_one_customer(str(address[0]))
        held: int = sum(of_one_customer(str(channel.addr[0])) == whose for channel in self.active_channels.values())
        return held >= int(most)

    def maintenance(self, now: float) -> None:
        """Close them; called now and then."""
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            if channel.request is not None and channel.request.overdue:
                channel.will_close = True


class Lanes:
    """Gives each request to threads of its kind."""

    def __init__(self) -> None:
        self._lanes = {name: ThreadedTaskDispatcher() for name in _THREADS}
        for name, lane in self._lanes.items():
            lane.set_thread_count(_THREADS[name])

    def add_task(self, channel: Any) -> None:
        """Queue a channel, whose first request is whole."""
        request = channel.requests[0]
        refused = request.error is not None
        self._lanes["pages" if refused else lane_of(request.command, request.path)].add_task(channel)

    def shutdown(self) -> None:
        """End all threads, those that are at work after five seconds at most."""
        for lane in self._lanes.values():
            lane.shutdown(timeout=1)


def lane_of(method: str, path: str) -> str:
    """Return which threads answer a request."""
    if path in _LANES:
        return _LANES[path]
    if path.startswith(REPOSITORY):
        return "repository"
    if is_for_machines(path):
        return "push" if takes_packages(method, path) else "machines"
    page = page_of(path)
    if page.startswith(SINGLE_SIGN_ON):  # who answers is asked meanwhile, and may be slow
        return "issuer"
    if method == "POST" and page in (UPLOAD, LOGIN, CONFIRM):
        return "upload" if page == UPLOAD else "login"
    return "pages"


def serve(bind: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; raise `OSError` for an address that can't be had."""
    from repomgr.wsgi import application

    server = server_of(application, bind, port, connections=most_connections())
    signal.signal(signal.SIGTERM, _end)
    server.run()


def server_of(application: Any, bind: str, port: int, *, connections: int) -> MultiSocketServer:
    """Return a server of an application, which takes so many connections at once; raise `OSError` for its address."""
    adjustments = Adjustments(
        host=bind,
        port=port,
        ident=None,
        threads=sum(_THREADS.values()),
        connection_limit=connections,
        channel_timeout=_IDLE_SECONDS,
        cleanup_interval=5,
        max_request_header_size=_LONGEST_HEAD,
        max_request_body_size=sys.maxsize,  # each request has its own
        inbuf_overflow=2 * LARGEST_FORM,  # what needs no right stays in memory
        asyncore_use_poll=True,
        # What a proxy says is read by `login.client_address` and Django, where BEHIND_HTTPS says that there is one.
        clear_untrusted_proxy_headers=False,
    )
    lanes = Lanes()
    sockets: dict[int, Any] = {}
    servers = [
        Server(application, sockets, dispatcher=lanes, adj=adjustments, sockinfo=each) for each in adjustments.listen
    ]
    addresses = [(server.effective_host, server.effective_port) for server in servers]
    return MultiSocketServer(sockets, adjustments, addresses, lanes)


def most_connections() -> int:
    """Return how many connections there may be, so that each can be given a file, and others be opened besides.

    This process may open as many files then: its limit is raised where it may be.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES_OF_ONE * _MOST_CONNECTIONS + _FILES_OF_OUR_OWN
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - _FILES_OF_OUR_OWN, files // 2) // _FILES_OF_ONE


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
