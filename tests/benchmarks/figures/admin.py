"""The admin's package list, search and package page among many mirrored rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.admin_rows import measure_admin
from tests.benchmarks.bench import Bench
from tests.benchmarks.processes import say


def measure(bench: Bench) -> Iterator[dict[str, Any]]:
    """Give a row of milliseconds for each page, and one of queries, a database."""
    say(f"admin, {bench.sizes.admin_rows:,} rows")
    yield from measure_admin(bench.sizes.admin_rows)
