"""An HTTP server on a free port of the loopback address, for the time of a with block."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class QuietHandler(BaseHTTPRequestHandler):
    """Keeps connections open, as vendors' servers do, and says nothing."""

    protocol_version = "HTTP/1.1"
    # Head and body go out by two writes: the second would wait 40 ms for the client's delayed acknowledgement.
    disable_nagle_algorithm = True

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""


class _Listening(ThreadingHTTPServer):
    request_queue_size = 128  # of the usual five, a sixth that connects at once on a busy machine tries again in 1 s
    daemon_threads = True


class LoopbackServer:
    """Serves until the block ends; `url` is its address."""

    def __init__(self, handler: Callable[..., BaseHTTPRequestHandler]) -> None:
        self._handler = handler
        self._listen(0)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _listen(self, port: int) -> None:
        self._server = _Listening(("127.0.0.1", port), self._handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def speak_tls(self, context: ssl.SSLContext) -> None:
        """Answer by TLS alone from now on, also who connects at this moment."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = self.url.replace("http:", "https:")

    def stop(self) -> None:
        """Answer nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def start_again(self) -> None:
        """Answer at the same address again, where it was stopped."""
        if not self._thread.is_alive():
            self._listen(self._server.server_port)
            self._thread.start()
