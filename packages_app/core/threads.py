"""Threads that are in the context of whoever starts them: in the same archive, and with what is bound to log lines."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Threads(ThreadPoolExecutor):
    """A pool of threads in which each call has a copy of its caller's context."""

    def submit(
        self, fn: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        """Have a call made; return what will be its result. `map` goes through this too."""
        return super().submit(copy_context().run, partial(fn, *args, **kwargs))


def started_thread(name: str, work: Callable[[], None]) -> Thread:
    """Return a thread that has begun the work, in a copy of the caller's context; it keeps no process alive."""
    thread = Thread(target=copy_context().run, args=(work,), name=name, daemon=True)
    thread.start()
    return thread
