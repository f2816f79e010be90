"""A bucket served over HTTP on the loopback address, as a plain web server does it, with faults to switch on."""

from __future__ import annotations

from urllib.parse import unquote

from packages_app.core.errors import ObjectNotFound
from packages_app.core.layout import content_type
from packages_app.core.ports import ObjectStore
from tests.loopback import LoopbackServer, QuietHandler


class ServedBucket(LoopbackServer):
    """Serves a store's objects. `instead` holds what is answered in place of an object: a status, or other bytes."""

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self.instead: dict[str, int | bytes] = {}
        self.asked: list[str] = []
        served = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                served._answer(self)

        super().__init__(Handler)

    def _answer(self, request: QuietHandler) -> None:
        key = unquote(request.path).lstrip("/")
        self.asked.append(key)
        status, body = 200, b""
        instead = self.instead.get(key)
        if isinstance(instead, int):
            status = instead
        elif instead is not None:
            body = instead
        else:
            try:
                body = self.store.read(key)
            except ObjectNotFound:
                status = 404
        request.send_response(status)
        request.send_header("Content-Type", content_type(key))
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
