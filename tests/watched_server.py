"""A server in front of S3 and DynamoDB that is some way off, and remembers when each request began and ended.

How far it is has two measures: a delay, for figures; and rounds, for tests: what is asked waits until this process
does nothing any more, and is then answered together. A busy machine makes rounds longer, and never more of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.loopback import LoopbackServer, QuietHandler

_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


@dataclass(frozen=True)
class RoundTrip:
    """A request and its answer: what was asked for, and when, in seconds since 1970."""

    name: str
    began: float
    ended: float


class Rounds:
    """Requests wait for one another: those of a round begin when all of the one before were answered."""

    _SAMPLES, _PAUSE = 5, 0.01  # an answer's reader is awake when the answer was written: any number will do

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting = self._answering = self._round = 0

    def enter(self) -> None:
        """Return when the round of this request begins: every thread of this process sleeps, and none is answered."""
        with self._changed:
            self._waiting += 1
            if self._waiting == 1:
                threading.Thread(target=self._begin_when_all_sleep, daemon=True).start()
            mine = self._round
            self._changed.wait_for(lambda: self._round > mine)

    def leave(self) -> None:
        """Note that a request was answered."""
        with self._changed:
            self._answering -= 1

    def _begin_when_all_sleep(self) -> None:
        asleep = waiting = 0
        while asleep < self._SAMPLES:
            time.sleep(self._PAUSE)
            with self._changed:
                quiet = not self._answering and self._waiting == waiting and _others_sleep()
                asleep, waiting = asleep + 1 if quiet else 0, self._waiting
        with self._changed:
            self._waiting, self._answering, self._round = 0, self._waiting, self._round + 1
            self._changed.notify_all()


def _others_sleep() -> bool:
    """Return whether each thread but this one waits for something else than the disk or a processor, by proc(5)."""
    own = str(threading.get_native_id())
    states = [_state(thread) for thread in Path("/proc/self/task").iterdir() if thread.name != own]
    return all(state == "S" for state in states)


def _state(thread: Path) -> str:
    try:
        return (thread / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # it has just ended, and another may begin
        return "ended"


class WatchedServer(LoopbackServer):
    """Passes requests on to what is behind it, each `delay` seconds late or in `rounds`; `trips` have ended."""

    def __init__(self, behind: str, *, delay: float = 0.0) -> None:
        self.delay = delay
        self.rounds: Rounds | None = None
        self.trips: list[RoundTrip] = []
        server, address, lock = self, urlsplit(behind).netloc, threading.Lock()

        class Answer(QuietHandler):
            # Headers and body leave together: two small packets would wait for each other.
            wbufsize = 1024 * 1024
            disable_nagle_algorithm = True

            def _answer(self) -> None:
                began = time.time()
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                time.sleep(server.delay)
                rounds = server.rounds
                if rounds:
                    rounds.enter()
                connection = HTTPConnection(address, timeout=60)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                with lock:
                    server.trips.append(RoundTrip(_name_of(self), began, time.time()))
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else None
                self.send_header("Content-Length", length or str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.wfile.flush()
                if rounds:
                    rounds.leave()

            def handle_expect_100(self) -> bool:
                done = super().handle_expect_100()
                self.wfile.flush()
                return done

            do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815 - names of http.server

        super().__init__(Answer)

    def between(self, began: float, ended: float) -> list[RoundTrip]:
        """Return the trips that began in a span of time, in the order in which they began."""
        found = [trip for trip in self.trips if began <= trip.began <= ended]
        return sorted(found, key=lambda trip: trip.began)


def _name_of(request: Any) -> str:
    operation = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    return operation or f"{request.command} {urlsplit(request.path).path}"


def in_sequence(trips: Sequence[RoundTrip]) -> list[RoundTrip]:
    """Return a longest chain of trips each of which began when the one before had ended."""
    chain: list[RoundTrip] = []
    for trip in sorted(trips, key=lambda each: each.ended):
        if not chain or trip.began >= chain[-1].ended:
            chain.append(trip)
    return chain
