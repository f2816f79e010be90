"""Calls that failed for the moment, made again: in one way, and with one of a few measures of patience.

What is a retry: a call whose failure, or whose half-done work, another call may cure. What is none, and stays as it is:
a poll for something that is to come about, a job that goes back to its queue, and what botocore repeats by itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from random import uniform
from typing import cast

from tenacity import RetryCallState, Retrying, stop_after_attempt
from tenacity.retry import retry_base


@dataclass(frozen=True)
class Patience:
    """How often a call is made in all, and the seconds between two.

    Before the second call they are `first` at most, doubled before each one after it, up to `longest`. They are drawn
    from the upper half of that: who failed together does not come back together (AWS Architecture Blog, "Exponential
    Backoff And Jitter": equal jitter), and a server is given about the same time in all.
    """

    tries: int
    first: float = 0.0
    longest: float = 0.0


NO_PAUSE = Patience(3)
"""A file, or the rest of an answer: what failed is over at once."""
CONTENDED = Patience(3, first=0.1, longest=0.2)
"""Another's transaction on the same items, which takes milliseconds."""
DATABASE = Patience(5, first=0.2, longest=2.0)
"""A transaction that met another's, or a database that begins anew: about two seconds."""
SERVER = Patience(3, first=0.5, longest=1.0)
"""A server that is asked over HTTP."""
THROTTLED = Patience(10, first=0.1, longest=5.0)
"""A table that leaves a part undone, since it is asked for more than its capacity: about twenty seconds."""


def _unheard(number: int, error: BaseException) -> None: ...


def _nothing(error: BaseException) -> float:
    return 0.0


def retrying(
    patience: Patience,
    again: retry_base,
    *,
    sleep: Callable[[float], None] = time.sleep,
    failed: Callable[[int, BaseException], None] = _unheard,
    asked: Callable[[BaseException], float] = _nothing,
) -> Retrying:
    """Return what makes a call, `retrying(…)(call, *arguments)`, and makes it again where its error is one of `again`.

    The last call's error is raised as it is, and so is one that is not of `again`. `failed` hears the number of each
    failed call, from 1, and its error. `asked` gives the seconds that an error asks to wait: so many are waited at
    least, but never more than `longest`.
    """

    def wait(state: RetryCallState) -> float:
        most = min(patience.first * 2.0 ** (state.attempt_number - 1), patience.longest)
        drawn = uniform(most / 2, most)  # noqa: S311 - no secret
        return min(max(asked(_error_of(state)), drawn), patience.longest)

    return Retrying(
        stop=stop_after_attempt(patience.tries),
        wait=wait,
        retry=again,
        sleep=sleep,
        after=lambda state: failed(state.attempt_number, _error_of(state)),
        reraise=True,
    )


def _error_of(state: RetryCallState) -> BaseException:
    # There is one whenever it is asked for: only calls that raised are made again.
    return cast("BaseException", state.outcome and state.outcome.exception())
