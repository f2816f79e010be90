"""Ports that fail at one chosen call, in one of the ways in which calls fail."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from typing import Any

from packages_app.core.errors import ObjectExists, RepomgrError, StoreUnavailable, TableUnavailable
from packages_app.services.adapters import Ports

KILLED = 137


class Way(Enum):
    """How a call fails."""

    ERROR_BEFORE = "error before: nothing was done"
    ERROR_AFTER = "error after: it was done, and the answer lost"
    KILLED = "killed after: which is before the next call"
    OVERTAKEN = "hangs until its lease is gone and another has published, then goes on"
    STOPPED = "the process is stopped, until somebody lets it go on"


_READS = (
    "get",
    "get_many",
    "look_up",
    "versions_of",
    "newest_of",
    "all_records",
    "records_of",
    "documents_of",
    "pending_changes_of",
    "suite_changes_of",
    "histories_of",
    "suites_are_listed",
    "releases_of",
    "last_given",
    "suites_given",
    "head",
    "read",
    "read_with_etag",
    "open",
    "keys",
    "sizes_of",
)


def is_write(name: str) -> bool:
    """Say whether a call, named as `Calls` names it, changes anything."""
    return name.split(maxsplit=1)[0].partition(".")[2] not in _READS


def first_of_each_line(calls: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return of calls, by number and name, the first of those by which one line goes through a folder of indexes."""
    return [next(same) for _, same in groupby(calls, lambda call: _folder_of_indexes(call[1]))]


def _folder_of_indexes(name: str) -> str:
    return name.rpartition("/")[0] if "/main/" in name else name


@dataclass
class Calls:
    """The calls of one run in their order, and the fault to bring in: at which call (from 0), in which way.

    With `each_put` an object of many that are written at once is a call of its own.
    """

    at: int = -1
    way: Way = Way.ERROR_BEFORE
    meanwhile: Callable[[], None] = lambda: None
    names: list[str] = field(default_factory=list)
    each_put: bool = True


class FaultyPort:
    """Stands before a port; every method called is a call, and they come one by one, in the order of the code."""

    at_once = 1

    def __init__(self, name: str, port: Any, calls: Calls) -> None:
        self._name, self._port, self._calls = name, port, calls

    def __getattr__(self, method: str) -> Any:
        if method == "put_many_new" and self._name != "table" and self._calls.each_put:
            return self._put_each_new
        attribute = getattr(self._port, method)
        if not callable(attribute):
            return attribute

        def call(*arguments: Any, **options: Any) -> Any:
            calls = self._calls
            number = len(calls.names)
            about = arguments[0] if arguments and isinstance(arguments[0], str) else ""
            calls.names.append(f"{self._name}.{method} {about}".strip())
            if number != calls.at:
                return attribute(*arguments, **options)
            return self._fail(calls, lambda: attribute(*arguments, **options), calls.names[-1])

        return call

    def _put_each_new(self, objects: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Write objects as the port's `put_many_new` does, each by a call that may fail."""
        return [self._put_new(key, body) for key, body in objects]

    def _put_new(self, key: str, body: bytes) -> bool:
        try:
            self.put(key, body, if_none_match=True)
        except ObjectExists:
            return False
        return True

    def _fail(self, calls: Calls, do: Callable[[], Any], name: str) -> Any:
        if calls.way is Way.STOPPED:
            os.kill(os.getpid(), signal.SIGSTOP)
            return do()
        if calls.way is Way.OVERTAKEN:
            calls.meanwhile()
            return do()
        if calls.way is not Way.ERROR_BEFORE:
            with suppress(RepomgrError):  # what it raises is lost with its answer
                result = do()
                if hasattr(result, "__next__"):
                    list(result)
        if calls.way is Way.KILLED:
            os._exit(KILLED)
        error = TableUnavailable if self._name == "table" else StoreUnavailable
        raise error(f"{name} failed: {calls.way.value}.", remedy="None: it is brought in by a test.")


def faulty(ports: Ports, calls: Calls) -> Ports:
    """Put a faulty port before each."""
    return Ports(
        FaultyPort("table", ports.table, calls),
        FaultyPort("bucket", ports.bucket, calls),
        FaultyPort("staging", ports.staging, calls),
    )
