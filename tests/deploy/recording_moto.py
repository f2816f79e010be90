"""moto that notes of each request whose it is and what it asks for; GET /recorded gives the notes. Prints its port."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

from repomgr.servers.moto import Dispatcher, serve

Application = Callable[..., Iterable[bytes]]
_WHO = re.compile(r"Credential=([^/%]+)[/%]")


class Recording:
    """An application before another one."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._notes: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Note a request and pass it on."""
        if environ["PATH_INFO"] == "/recorded":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self._notes).encode()]
        who = _WHO.search(environ.get("HTTP_AUTHORIZATION") or environ.get("QUERY_STRING", ""))
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        body = b""
        if target:
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
        self._notes.append(
            {
                "who": who[1] if who else "",
                "method": environ["REQUEST_METHOD"],
                "path": environ["PATH_INFO"],
                "query": environ.get("QUERY_STRING", ""),
                "copied": environ.get("HTTP_X_AMZ_COPY_SOURCE", ""),
                "target": target.rpartition(".")[2],
                "body": json.loads(body) if body else {},
            }
        )
        return self._application(environ, start_response)


if __name__ == "__main__":
    serve(Recording(Dispatcher()))
