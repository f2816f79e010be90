"""A failing server that fails at random."""

from __future__ import annotations

import random
import threading

from tests.stores.failing_server import BREAK_BODY, LOSE_ANSWER, FailingServer, Hang

ERROR, SLOW_DOWN = (500, "InternalError"), (503, "SlowDown")
THROTTLED = (400, "ProvisionedThroughputExceededException")
FAULTS: tuple[object, ...] = (ERROR, SLOW_DOWN, THROTTLED, LOSE_ANSWER, BREAK_BODY, Hang(2.0))
SHARE = 0.05
"""Of all requests. A call is tried three times, so now and then one gives up, and its job is tried again."""


class ChaosServer(FailingServer):
    """Fails while `dice` are there; `injected` counts."""

    request_queue_size = 128

    def __init__(self, behind: str) -> None:
        super().__init__(behind)
        self.dice: random.Random | None = None
        self.injected = 0
        self._lock = threading.Lock()

    def handle_error(self, *_request: object) -> None:
        """Say nothing: its clients are killed while they talk."""

    def next_fault(self, method: str) -> object:
        """Roll the dice; only DynamoDB (POST) throttles, and only bodies that are sent (GET) break."""
        with self._lock:
            if self.dice is None or self.dice.random() > SHARE:
                return None
            fault = self.dice.choice(FAULTS)
            if (fault == THROTTLED and method != "POST") or (fault == BREAK_BODY and method != "GET"):
                fault = LOSE_ANSWER
            self.injected += 1
            return fault
