"""Calls that wait for a server, made at the same time: together they wait about as long as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar, cast

Result = TypeVar("Result")
Other = TypeVar("Other")


def at_once(calls: Sequence[Callable[[], Result]], most: int) -> list[Result]:
    """Make calls, at most `most` at the same time; return what each returned, in their order.

    With a `most` of one, each is made when the one before has ended. Raise the first error in their order, when all
    that had begun have ended; calls that had not begun are not made.
    """
    if most <= 1 or len(calls) <= 1:
        return [call() for call in calls]
    with ThreadPoolExecutor(min(most, len(calls)), thread_name_prefix="at-once") as threads:
        # Each with a copy of the caller's context: what is bound for its log lines is bound for theirs.
        futures = [threads.submit(copy_context().run, call) for call in calls]
        try:
            return [future.result() for future in futures]
        except BaseException:
            threads.shutdown(cancel_futures=True)
            raise


def both_at_once(one: Callable[[], Result], other: Callable[[], Other], most: int) -> tuple[Result, Other]:
    """Make two calls as `at_once` does; return what each returned."""
    calls: list[Callable[[], Result | Other]] = [one, other]
    first, second = at_once(calls, most)
    return cast("Result", first), cast("Other", second)
