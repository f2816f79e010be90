"""What a soak puts on a product: uploads through the web, vendors that drip, and clients that are slow on purpose."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx

from packages_app.uploading import UPLOAD
from repomgr.limits import LOGIN
from tests.debs import build_deb
from tests.feeds import METADATA
from tests.loopback import LoopbackServer, QuietHandler

_DRIP_SECONDS = 0.25
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_CLIENT_SECONDS = 60.0


class Visitor:
    """A person who is logged in, and uploads with the admin's own form."""

    def __init__(self, address: str, user: str, password: str) -> None:
        self._client = httpx.Client(base_url=address, timeout=_CLIENT_SECONDS, headers={"Referer": address})
        form = {"username": user, "password": password, "next": "/admin/"}
        answer = self._client.post(LOGIN, data={**form, "csrfmiddlewaretoken": self._token(LOGIN)})
        assert answer.status_code == httpx.codes.FOUND, f"the login answered {answer.status_code}"

    def upload(self, deb: Path) -> int:
        """Send a file by the form; give the answer's status: 302 says that it was taken."""
        data = {"csrfmiddlewaretoken": self._token(UPLOAD), "suite": "", "component": ""}
        with deb.open("rb") as stream:
            answer = self._client.post(UPLOAD, data=data, files={"file": (deb.name, stream)})
        return answer.status_code

    def _token(self, page: str) -> str:
        answer = self._client.get(page)
        found = _CSRF.search(answer.text)
        if found is None:
            raise httpx.HTTPStatusError(f"{page}: {answer.status_code}", request=answer.request, response=answer)
        return found[1]


class DrippingVendor(LoopbackServer):
    """A vendor whose files come in drops, each after a pause; a new version is on offer when one was fetched whole.

    With `endless` its document drips too, and never ends. `whole` counts the files that were sent to their end.
    """

    def __init__(self, name: str, debs: Path, *, seconds: float, endless: bool = False) -> None:
        self.name, self.whole = name, Counter[str]()
        self._debs, self._seconds, self._endless = debs, seconds, endless
        self._ended = threading.Event()
        vendor = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                with suppress(OSError):  # a client that has waited long enough
                    vendor._answer(self)

        super().__init__(Handler)

    @property
    def endpoint(self) -> str:
        """Return the address of its document."""
        return self.url + METADATA

    def stop(self) -> None:
        self._ended.set()
        super().stop()

    def _answer(self, request: Any) -> None:
        path = unquote(request.path)
        if path == METADATA:
            version = f"1.{len(self.whole)}"
            path = build_deb(self._debs, self.name, version, files={"usr/share/blob": bytes(4096)}).name
            update = {"version": version, "pub_date": "2026-01-02", "notes": "", "name": self.name}
            update["url"] = f"{self.url}/{path}"
            document = {"currentRelease": version, "releases": [{"version": version, "updateTo": update}]}
            self._drip(request, json.dumps(document).encode(), 0.0, endless=self._endless)
        elif (file := self._debs / Path(path).name).is_file():
            self._drip(request, file.read_bytes(), self._seconds)
            self.whole[file.name] += 1
        else:
            request.send_error(404)

    def _drip(self, request: Any, body: bytes, seconds: float, *, endless: bool = False) -> None:
        request.send_response(200)
        request.send_header("Content-Length", str(len(body) + 1_000_000 * endless))
        request.end_headers()
        drops = max(1, int(seconds / _DRIP_SECONDS))
        size = -(-len(body) // drops)
        for begin in range(0, len(body), size):
            request.wfile.write(body[begin : begin + size])
            self._ended.wait(_DRIP_SECONDS if drops > 1 else 0.0)
        while endless and not self._ended.wait(_DRIP_SECONDS):
            request.wfile.write(b" ")


class SlowClients:
    """Connections that say or read a byte a second: heads and bodies without end, and readers of a large file.

    One that the server closes is opened again; `opened` counts.
    """

    def __init__(self, port: int, large: str, number: int = 8) -> None:
        self.opened = 0
        self._port, self._large = port, large
        self._stop = threading.Event()
        ways = [self._slow_head, self._slow_body, self._slow_reader]
        self._threads = [
            threading.Thread(target=self._again, args=(ways[each % len(ways)],), daemon=True) for each in range(number)
        ]

    def __enter__(self) -> SlowClients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _again(self, way: Any) -> None:
        while not self._stop.is_set():
            with suppress(OSError), socket.socket() as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.settimeout(1)
                connection.connect(("127.0.0.1", self._port))
                self.opened += 1
                way(connection)
            self._stop.wait(0.2)

    def _slow_head(self, connection: socket.socket) -> None:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        self._one_byte_a_second(connection)

    def _slow_body(self, connection: socket.socket) -> None:
        head = f"POST {LOGIN} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000\r\n\r\n"
        connection.sendall(head.encode())
        self._one_byte_a_second(connection)

    def _one_byte_a_second(self, connection: socket.socket) -> None:
        while not self._stop.wait(1):
            connection.sendall(b"x")

    def _slow_reader(self, connection: socket.socket) -> None:
        connection.sendall(f"GET {self._large} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        while not self._stop.wait(1):
            with suppress(TimeoutError):
                if not connection.recv(1):
                    return


class Uploads:
    """Uploads one small package after another; `taken` are the moments when each version was acknowledged."""

    def __init__(self, visitor: Visitor, debs: Path, name: str) -> None:
        self._visitor, self._debs, self._name = visitor, debs, name
        self._number = 0
        self.taken: dict[tuple[str, str], float] = {}
        self.refused = Counter[str]()
        self._refused_at: list[float] = []

    def refused_outside(self, begin: float, end: float) -> int:
        """Return how many were refused when the disk had room."""
        return sum(1 for moment in self._refused_at if not begin <= moment <= end + _CLIENT_SECONDS)

    def __call__(self) -> None:
        self._number += 1
        version = f"1.{self._number}"
        deb = build_deb(self._debs, self._name, version)
        try:
            status = self._visitor.upload(deb)
        except httpx.HTTPStatusError as error:
            status = error.response.status_code
        except httpx.TransportError as error:
            self._was_refused(type(error).__name__)
            return
        finally:
            deb.unlink()
        if status == httpx.codes.FOUND:
            self.taken[self._name, version] = time.monotonic()
        else:
            self._was_refused(str(status))

    def _was_refused(self, how: str) -> None:
        self.refused[how] += 1
        self._refused_at.append(time.monotonic())
