"""A DynamoDB that misbehaves at a chosen moment: stands before moto, counts calls, throttles, kills its caller."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.loopback import LoopbackServer, QuietHandler

Hook = Callable[[str, int], None]
"""Called with an operation and how often it was called, before it is passed on."""


class DynamoProxy(LoopbackServer):
    """Passes DynamoDB calls on to moto.

    The first `unprocessed` batch writes and `unread` batch reads come back with half of their items undone; the first
    `cancelled` transactions are not passed on: they are said to be cancelled for a `reason`, to have met another where
    none is given.
    """

    def __init__(
        self,
        moto: str,
        *,
        hook: Hook = lambda _operation, _count: None,
        unprocessed: int = 0,
        unread: int = 0,
        cancelled: int = 0,
        reason: str = "TransactionConflict",
    ) -> None:
        self.calls: Counter[str] = Counter()
        self.hook = hook
        self._unprocessed, self._unread, self._cancelled, self._reason = unprocessed, unread, cancelled, reason
        proxy = self

        class Answer(QuietHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = proxy.answer(moto, dict(self.headers), body)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        super().__init__(Answer)

    def answer(self, moto: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        operation = headers.get("X-Amz-Target", "").rpartition(".")[2]
        self.calls[operation] += 1
        self.hook(operation, self.calls[operation])
        if operation == "TransactWriteItems" and self.calls[operation] <= self._cancelled:
            return 400, _cancelled(json.loads(body), self._reason)
        if operation == "BatchGetItem" and self.calls[operation] <= self._unread:
            return self._half_read(moto, headers, json.loads(body))
        left: dict[str, Any] = {}
        if operation == "BatchWriteItem" and self.calls[operation] <= self._unprocessed:
            request = json.loads(body)
            [(table, requests)] = request["RequestItems"].items()
            half = len(requests) // 2
            left = {table: requests[half:]}
            body = json.dumps({"RequestItems": {table: requests[:half]}}).encode() if half else b""
        status, answer = self._pass_on(moto, headers, body) if body else (200, b"{}")
        return (status, json.dumps({"UnprocessedItems": left}).encode()) if left else (status, answer)

    def _half_read(self, moto: str, headers: dict[str, str], request: dict[str, Any]) -> tuple[int, bytes]:
        [(table, asked)] = request["RequestItems"].items()
        keys = asked["Keys"]
        half = len(keys) // 2
        rest = {table: {**asked, "Keys": keys[half:]}}
        if not half:
            return 200, json.dumps({"Responses": {}, "UnprocessedKeys": rest}).encode()
        body = json.dumps({**request, "RequestItems": {table: {**asked, "Keys": keys[:half]}}}).encode()
        status, answer = self._pass_on(moto, headers, body)
        return status, json.dumps({**json.loads(answer), "UnprocessedKeys": rest}).encode()

    def _pass_on(self, moto: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "content-length")}
        try:
            with urllib.request.urlopen(urllib.request.Request(moto, body, kept)) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()


def _cancelled(request: dict[str, Any], reason: str) -> bytes:
    reasons = [{"Code": reason, "Message": "by the proxy"}, *({"Code": "None"} for _ in request["TransactItems"][1:])]
    kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException"
    return json.dumps({"__type": kind, "message": "Transaction cancelled", "CancellationReasons": reasons}).encode()
