"""What stands before the product: the exchange of ID tokens, faults of a network, and GitHub's issuer of tokens."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.loopback import LoopbackServer, QuietHandler

REQUEST_TOKEN = "V3ryS3cret-request-token"


class Front(LoopbackServer):
    """Passes requests on. `faults` are of the next of them: a status, `before` or `after` the product has it.

    One that can be called is called, and the request is answered that the server is busy.
    Those of `faults_of_parts` are of the next parts alone, before which `meanwhile` is called with each one's number.
    """

    def __init__(self, product: str, token: str) -> None:
        self.product, self.token = product, token
        self.faults: list[Any] = []
        self.faults_of_parts: list[Any] = []
        self.parts: list[int] = []
        """The numbers of parts that came, failing ones too."""
        self.meanwhile: Callable[[int], object] = lambda _number: None
        self.keys: list[str] = []
        self.given: dict[str, str] = {}
        """ID tokens that were given and not exchanged yet, with their audience."""
        self.asked_for: list[str] = []
        """The audiences that were asked for."""
        front = self

        class Handler(QuietHandler):
            def do_GET(self) -> None:
                front._answer(self)

            def do_POST(self) -> None:
                front._answer(self)

            def do_PUT(self) -> None:
                front._answer(self)

        super().__init__(Handler)

    def _answer(self, request: QuietHandler) -> None:
        parts = urlsplit(request.path)
        is_part = request.command == "PUT"
        if is_part:
            self.parts.append(int(parts.path.rpartition("/")[2]))
            self.meanwhile(self.parts[-1])
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        if len(body) < length:  # who sent it is no more
            return None
        if parts.path == "/issuer":
            return self._issue(request, parse_qs(parts.query))
        if parts.path == "/api/v1/oidc/token":
            return self._exchange(request, json.loads(body)["token"])
        if request.command == "POST":
            self.keys.append(request.headers.get("Idempotency-Key", ""))
        faults = self.faults_of_parts if is_part else self.faults
        fault = faults.pop(0) if faults else None
        if callable(fault):
            fault()
            fault = 503
        if isinstance(fault, int):
            return _say(request, fault, b"busy", {"Retry-After": "0"})
        if fault != "before":
            answer = httpx.request(
                request.command, self.product + request.path, content=body, timeout=120,
                headers={name: value for name, value in request.headers.items() if name.lower() != "host"},
            )  # fmt: skip
            if fault is None:
                return _say(
                    request, answer.status_code, answer.content, {"Content-Type": answer.headers["Content-Type"]}
                )
        request.close_connection = True
        return None

    def _issue(self, request: QuietHandler, asked: dict[str, list[str]]) -> None:
        if request.headers.get("Authorization") != f"Bearer {REQUEST_TOKEN}" or asked.get("api-version") != ["2.0"]:
            return _say(request, 401, b"{}", {})
        made = f"header.{secrets.token_urlsafe()}.signature"
        self.given[made] = asked["audience"][0]
        self.asked_for.append(asked["audience"][0])
        return _say(request, 200, json.dumps({"value": made}).encode(), {})

    def _exchange(self, request: QuietHandler, token: str) -> None:
        if self.given.pop(token, "") != "https://apt.example.org":
            problem = {"code": "oidc_audience", "detail": "Not for us.", "remedy": "Ask for another."}
            return _say(request, 401, json.dumps(problem).encode(), {})
        return _say(request, 200, json.dumps({"token": self.token, "expires": "2100-01-01T00:00:00Z"}).encode(), {})


def _say(request: QuietHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in {**headers, "Content-Length": str(len(body))}.items():
        request.send_header(name, value)
    request.end_headers()
    request.wfile.write(body)
