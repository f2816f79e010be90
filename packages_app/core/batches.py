"""A long row of things taken some at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")


def batches_of(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Return items in their order, `size` at a time, the last ones fewer; no batch is empty."""
    coming = iter(items)
    while batch := list(islice(coming, size)):
        yield batch
