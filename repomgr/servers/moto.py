"""moto over HTTP, one request at a time: its dictionaries and transactions race otherwise. Prints its port."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_lock = threading.Lock()


def one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """Hold a lock from a request's first byte to its answer's last."""

    def locked(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with _lock:
            return list(application(environ, start_response))

    return locked


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, one_at_a_time(DomainDispatcherApplication(create_backend_app)), threaded=True)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()
