"""moto over HTTP, one request at a time: its dictionaries and transactions race otherwise. Prints its port."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

_lock = threading.Lock()


class Dispatcher(DomainDispatcherApplication):
    """moto's choice of a service by the host; moto lists the folders of all its services at each request for it."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._services: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """Return the name of the service that a host stands for, None for an unknown one."""
        if host not in self._services:
            self._services[host] = super().get_backend_for_host(host)
        return self._services[host]


def one_at_a_time(application: Callable[..., Iterable[bytes]]) -> Callable[..., list[bytes]]:
    """Hold a lock from a request's first byte to its answer's last."""

    def locked(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        with _lock:
            return list(application(environ, start_response))

    return locked


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, one_at_a_time(Dispatcher()), threaded=True)
    sys.stdout.write(f"{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()
