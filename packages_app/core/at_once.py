"""Calls that wait for a server, made at the same time: together they wait about as long as one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from itertools import islice
from typing import TypeVar, cast

from packages_app.core.threads import Threads

Result = TypeVar("Result")
Other = TypeVar("Other")


def at_once(calls: Sequence[Callable[[], Result]], most: int) -> list[Result]:
    """Make calls, at most `most` at the same time; return what each returned, in their order.

    With a `most` of one, each is made when the one before has ended. Raise the first error in their order, when all
    that had begun have ended; calls that had not begun are not made.
    """
    if most <= 1 or len(calls) <= 1:
        return [call() for call in calls]
    with Threads(min(most, len(calls)), thread_name_prefix="at-once") as threads:
        futures = [threads.submit(call) for call in calls]
        try:
            return [future.result() for future in futures]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def at_once_ahead(calls: Iterable[Callable[[], Result]], most: int, ahead: int) -> Iterator[Result]:
    """Make calls of a long row, at most `most` at the same time; yield what each returned, in their order.

    At most `ahead` calls, the one that is waited for among them, are taken from the row before the caller asks for
    more: neither calls nor results are held all at once. Raise the first error in their order, when all that had begun
    have ended. Calls that had not begun are not made then, nor for a caller who wants no more.
    """
    row, waiting = iter(calls), deque[Future[Result]]()
    with Threads(most, thread_name_prefix="ahead") as threads:
        try:
            while True:
                more = islice(row, ahead - len(waiting))
                waiting.extend(threads.submit(call) for call in more)
                if not waiting:
                    return
                yield waiting.popleft().result()
        finally:
            threads.shutdown(cancel_futures=True)


def both_at_once(one: Callable[[], Result], other: Callable[[], Other], most: int) -> tuple[Result, Other]:
    """Make two calls as `at_once` does; return what each returned."""
    calls: list[Callable[[], Result | Other]] = [one, other]
    first, second = at_once(calls, most)
    return cast("Result", first), cast("Other", second)
