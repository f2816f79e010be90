"""The token that a request has shown: all that is done for it is done within the token's grants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from packages_app.core.rights import Grant


@dataclass(frozen=True)
class ShownToken:
    """A token that counts: the number of its row, its name, what it allows, whether it is a trusted publisher's."""

    number: int
    name: str
    grants: frozenset[Grant]
    of_publisher: bool = False


_shown: ContextVar[ShownToken | None] = ContextVar("token", default=None)


def shown_token() -> ShownToken | None:
    """Return the token that was shown here; None where nobody showed one."""
    return _shown.get()


@contextmanager
def showing(token: ShownToken) -> Iterator[None]:
    """Let the block, and the threads that it starts, be done within a token's grants."""
    before = _shown.set(token)
    try:
        yield
    finally:
        _shown.reset(before)
