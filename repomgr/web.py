"""The web process: waitress, whose one loop reads requests and sends answers, so that no slow client holds a thread.

A thread is given whole requests alone, and what it answers is sent without it, however slowly. Threads are in lanes,
so that health and the repository wait for no upload, and no page for passwords that are guessed at.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from django.conf import settings
from waitress.adjustments import Adjustments
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.server import MultiSocketServer, TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher, WSGITask

from packages_app.uploading import UPLOAD
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
    page_of,
    takes_packages,
)
from repomgr.unfit import UNFIT
from repomgr.web_request import Request

_THREADS: Mapping[str, int] = {
    "health": 1, "ready": 1, "metrics": 1, "repository": 4, "pages": 6, "login": 2, "issuer": 2, "upload": 2,
    "machines": 4, "push": 6,
}  # fmt: skip
_IDLE_SECONDS = 60
_LINGER_SECONDS = 10
_LONGEST_HEAD = 32 * 1024
_MOST_CONNECTIONS = 4096
_FILES_OF_OUR_OWN = 256
_FILES_OF_ONE = 2
"""A connection is one, and what it reads of the repository another."""
_LEAST_OF_ONE_ADDRESS = 16
_MOST_UNANSWERED = 1000

_LANES: Mapping[str, str] = {HEALTH: "health", READY: "ready", METRICS: "metrics"}
"""Each by itself: what is ready, or measured, waits for servers that are away, and health for nothing."""


class Answer(WSGITask):  # type: ignore[misc]
    """The answer to a request, which the application is told the faults of."""

    def get_environment(self) -> dict[str, Any]:
        """Return what the application is given."""
        environment: dict[str, Any] = super().get_environment()
        if self.request.unfit is not None:
            environment[UNFIT] = self.request.unfit
        return environment

    def write(self, data: bytes) -> None:
        """Send what the application answers; of HEAD the head alone (RFC 9110, 9.3.2).

        Django leaves that to the server, and waitress sends all. Whoever goes on with the connection, as proxies do,
        takes a body that follows for the answer to the next request, which may be another client's.
        """
        super().write(b"" if self.request.command == "HEAD" else data)

    def finish(self) -> None:
        """End the answer."""
        if self.request.command == "HEAD":
            self.write(b"")
            self.chunked_response = False  # its head says so, and there are no chunks to end
        super().finish()


class Unanswered:
    """A request whose client is gone before it was whole: the application hears of it, and nobody of the answer."""

    def __init__(self, channel: Connection, request: Request) -> None:
        self.channel, self.requests = channel, [request]

    def service(self) -> None:
        """Let the application answer."""
        with suppress(ClientDisconnected):
            Answer(self.channel, self.requests[0]).service()

    def cancel(self) -> None:
        """End without."""


class Connection(HTTPChannel):  # type: ignore[misc]
    """A client's connection, for whose reading no thread waits."""

    parser_class = Request
    task_class = Answer
    request: Request | None = None
    ends: float | None = None
    """When it is closed at last (`time.monotonic`), of one that says no more; None of any other."""
    will_close: bool = False
    _is_last = False

    def handle_read(self) -> None:
        """Take what came; who sends no more of a body may read still, and is answered."""
        if self.ends is not None:
            with suppress(OSError):
                self.recv(self.adj.recv_bytes)  # closes at the client's end
        elif not (self._is_at_end() and self.answer_cut_off()):
            super().handle_read()

    def handle_write(self) -> None:
        """Send what is to be sent, and say no more after the last answer."""
        if not (self.close_when_flushed and self._says_no_more()):
            super().handle_write()

    def _says_no_more(self) -> bool:
        """End our half after the last answer, and pass over what the client still sends (RFC 9112, 9.6).

        Else it would be reset in the middle of a body that is refused, and would not read why. Return False where it is
        to be closed at once.
        """
        with self.requests_lock:
            if self.requests:
                return False
            self.request = None
        self._flush_exception(self._flush_some)
        if not self.connected:  # the client went meanwhile, and there is no socket any more
            return True
        if self.will_close or self.total_outbufs_len:
            return not self.will_close
        self.close_when_flushed = False
        if self.ends is None:
            self.ends = time.monotonic() + _LINGER_SECONDS
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                self.will_close = True
        return not self.will_close

    def _is_at_end(self) -> bool:
        if self.request is None:
            return False
        try:
            return not self.socket.recv(1, socket.MSG_PEEK)
        except OSError:
            return False

    def answer_cut_off(self) -> bool:
        """Let the request that will not be whole be answered, as the last; return whether it is to be."""
        with self.requests_lock:
            cut_off = self.request.cut_off() if self.request is not None else None
            if cut_off is None:
                return False
            self.request = None
            self.requests.append(cut_off)
            if len(self.requests) == 1:
                self.server.add_task(self)
        return True

    def handle_close(self) -> None:
        """Close; the application hears of the request that will not be whole. May be called with any lock held."""
        unfinished = self.request if self.connected else None
        super().handle_close()
        cut_off = unfinished.cut_off() if unfinished is not None else None
        if cut_off is not None:
            self.server.add_task(Unanswered(self, cut_off))

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
            overdue = channel.request is not None and channel.request.overdue
            if overdue or (channel.ends is not None and channel.ends < time.monotonic()):
                channel.will_close = True
            if channel.will_close and channel.answer_cut_off():
                channel.will_close = False  # once that is answered


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
        lane = self._lanes["pages" if refused else lane_of(request.command, request.path)]
        if isinstance(channel, Unanswered) and len(lane.queue) >= _MOST_UNANSWERED:
            return  # no connection bounds them
        lane.add_task(channel)

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
