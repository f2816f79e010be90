"""How often, and how much at once: counted in this process's memory, which no number of clients makes grow.

A count that processes share would be a write to a server for each request, and requests would fail where it does. So
each process counts for itself: of several behind a balancer a client may have as many times what the settings say.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SECONDS = 60
MOST_KEYS = 10_000
"""Of more, those that were noted longest ago are forgotten: strangers with so many networks spend no memory."""


class _Noted(OrderedDict[str, float]):
    """A time of each key, of so many keys at most."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def note(self, key: str, when: float) -> None:
        """Note a key's time."""
        self[key] = when
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)


class Rate:
    """So many a minute of each key, at once or spread: what was spent comes back evenly (a leaky bucket, as GCRA)."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS) -> None:
        self._spent_until = _Noted(most_keys)
        self._lock, self._clock = threading.Lock(), clock

    def __contains__(self, key: str) -> bool:
        return key in self._spent_until

    def __len__(self) -> int:
        return len(self._spent_until)

    def spend(self, key: str, most: int) -> int:
        """Spend one of the `most` a minute that a key has; return 0, or the seconds until there is one to be spent."""
        with self._lock:
            seconds = self._seconds(key, most)
            if not seconds:
                self._spent_until.note(key, max(self._spent_until.get(key, 0.0), self._clock()) + SECONDS / most)
            return seconds

    def seconds(self, key: str, most: int) -> int:
        """Return what `spend` would, and spend nothing."""
        with self._lock:
            return self._seconds(key, most)

    def forget(self, key: str) -> None:
        """Forget a key, and what it has spent."""
        with self._lock:
            self._spent_until.pop(key, None)

    def _seconds(self, key: str, most: int) -> int:
        until = self._spent_until.get(key, 0.0)
        early = until + SECONDS / most - self._clock() - SECONDS
        return max(0, math.ceil(early - _ROUNDING))


_ROUNDING = 1e-6
"""Seconds that sums of parts of a minute may be wrong by."""


class Runs:
    """Tells the first of a run of each key: of what came again before a minute without it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most_keys: int = MOST_KEYS) -> None:
        self._last = _Noted(most_keys)
        self._lock, self._clock = threading.Lock(), clock

    def begins(self, key: str) -> bool:
        """Note one more; return whether a run begins with it."""
        with self._lock:
            begins = not self.goes_on(key)
            self._last.note(key, self._clock())
            return begins

    def goes_on(self, key: str) -> bool:
        """Return whether one more would be of a run that has begun; nothing is noted."""
        return self._clock() - self._last.get(key, -math.inf) <= SECONDS


class AtOnce:
    """How many of each key are at work."""

    def __init__(self) -> None:
        self._at_work: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, key: str, most: int) -> Iterator[bool]:
        """Let the block be one of the `most` of a key at once; it is given whether it may be."""
        with self._lock:
            may = self._at_work[key] < most
            self._at_work[key] += may
        try:
            yield may
        finally:
            with self._lock:
                self._at_work[key] -= may
                if not self._at_work[key]:
                    del self._at_work[key]
