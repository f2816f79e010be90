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

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import MultiSocketServer, TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher
from waitress.utilities import RequestEntityTooLarge

from packages_app.uploading import UPLOAD, holds_pass
from repomgr.limits import HEALTH, LARGEST_FORM, LOGIN, READY, REPOSITORY, largest_body

_THREADS: Mapping[str, int] = {"repository": 4, "pages": 6, "login": 2, "upload": 2}
_HEAD_SECONDS = 30
_BODY_SECONDS = 15 * 60
_IDLE_SECONDS = 60
_LONGEST_HEAD = 32 * 1024
_LONGEST_LINE = 8 * 1024
_MOST_CONNECTIONS = 4096
_FILES_OF_OUR_OWN = 256


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
        super().parse_header(header_plus)
        if self.path == UPLOAD and holds_pass(self.headers.get("COOKIE", "")):
            self._largest = largest_body(UPLOAD)

    def received(self, data: bytes) -> int:
        """Take bytes; return how many were used. One whose body is too large is completed by an error."""
        used = int(super().received(data))
        if self.headers_finished and not self.error and self._size > self._largest:
            self.error = RequestEntityTooLarge(f"exceeds {self._largest} bytes")
            self.completed, self.expect_continue = True, False
        return used

    error: Any = None
    _largest = LARGEST_FORM

    @property
    def _size(self) -> int:
        return int(max(self.content_length, self.body_bytes_received))

    @property
    def overdue(self) -> bool:
        """Whether its head, or all of it, takes longer than any sound client needs."""
        allowed = _BODY_SECONDS if self.headers_finished else _HEAD_SECONDS
        return time.monotonic() - self.began > allowed


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection."""

    parser_class = Request


class Server(TcpWSGIServer):  # type: ignore[misc]
    """Ends connections that are idle or overdue."""

    channel_class = Connection

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
    if path in (HEALTH, READY) or path.startswith(REPOSITORY):
        return "repository"
    if method == "POST" and path in (UPLOAD, LOGIN):
        return "upload" if path == UPLOAD else "login"
    return "pages"


def serve(bind: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; raise `OSError` for an address that can't be had."""
    from repomgr.wsgi import application

    adjustments = Adjustments(
        host=bind,
        port=port,
        ident=None,
        threads=sum(_THREADS.values()),
        connection_limit=_connections(),
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
    signal.signal(signal.SIGTERM, _end)
    MultiSocketServer(sockets, adjustments, addresses, lanes).run()


def _connections() -> int:
    """Return how many connections there may be, so that files can be opened besides."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_CONNECTIONS + _FILES_OF_OUR_OWN
    files = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return max(files - _FILES_OF_OUR_OWN, files // 2)


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]))
