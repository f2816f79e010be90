"""How much of a long test is tried: some of its cases in `make test`, each in `make test-every`, which sets EVERY."""

from __future__ import annotations

import os

EVERY = bool(os.environ.get("EVERY"))


def examples(many: int, some: int | None = None) -> int:
    """Return how many examples of a property are tried; without `some` a tenth of `many`, for dear ones."""
    return many if EVERY else some or max(1, many // 10)
