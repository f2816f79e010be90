"""An HTTP server in front of moto that hands requests on, or fails as real networks and servers do."""

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

LOSE_ANSWER = "the request is carried out, and the connection breaks before the answer"
BREAK_BODY = "the connection breaks in the middle of the body"
_ERROR = "<?xml version='1.0'?><Error><Code>{}</Code><Message>on demand</Message></Error>"
_HOP = ("connection", "transfer-encoding", "content-length", "keep-alive")


class Hang(float):
    """Nothing is heard for so many seconds, then the connection breaks; the request is not carried out."""


class FailingServer(ThreadingHTTPServer):
    """`faults` are taken one a request of a method: LOSE_ANSWER, BREAK_BODY, a `Hang`, or (status, code).

    Headers of `ignored`, each a method and a lower-case name, are not passed on.
    """

    daemon_threads = True

    def __init__(self, behind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.behind = urlsplit(behind).netloc
        self.faults: dict[str, list[object]] = {}
        self.seen: Counter[str] = Counter()
        self.headers: list[dict[str, str]] = []
        self.ignored: set[tuple[str, str]] = set()

    def passed_on(self, headers: dict[str, str], body: bytes) -> bytes:
        """The body that the server behind gets."""
        return body

    def next_fault(self, method: str) -> object:
        faults = self.faults.get(method)
        return faults.pop(0) if faults else None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Requests(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FailingServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen[self.command] += 1
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        fault = self.server.next_fault(self.command)
        if isinstance(fault, Hang):
            time.sleep(fault)
            self.close_connection = True
            return
        if isinstance(fault, tuple):
            self._refuse(*fault)
            return
        behind = HTTPConnection(self.server.behind, timeout=30)
        ignored = {name for method, name in self.server.ignored if method == self.command}
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ignored}
        behind.request(self.command, self.path, self.server.passed_on(headers, body), headers)
        answer = behind.getresponse()
        content = answer.read()
        behind.close()
        if fault == LOSE_ANSWER:
            self.close_connection = True
            return
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self._send(answer.status, headers, content, length=length, broken=fault == BREAK_BODY)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _answer  # noqa: N815

    def _refuse(self, status, code):
        """Answer as S3 does, or as DynamoDB does where it is asked."""
        if "X-Amz-Target" in self.headers:
            body = json.dumps({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "on demand"})
            self._send(status, {"Content-Type": "application/x-amz-json-1.0"}, body.encode())
        else:
            self._send(status, {"Content-Type": "application/xml"}, _ERROR.format(code).encode())

    def _send(self, status, headers, content, *, length=None, broken=False):
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if broken else content)
        self.close_connection = broken

    def log_message(self, *_arguments) -> None:
        pass


@contextmanager
def failing_server(behind: str, kind: type[FailingServer] = FailingServer) -> Iterator[FailingServer]:
    """Serve in front of an address for the block."""
    with kind(behind) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
