"""The slowest of all pages of the admin, and the one that takes most memory, in an installation that is full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.benchmarks.admin_pages import measure_pages
from tests.benchmarks.bench import Bench
from tests.benchmarks.full_installation import Fullness
from tests.benchmarks.processes import say


def measure(bench: Bench) -> Iterator[dict[str, Any]]:
    """Give rows of seconds, of seconds of the processor and of bytes for each database."""
    full = Fullness().part(bench.sizes.part_of_full)
    say(f"admin pages, {full.jobs:,} jobs and what else gathers")
    yield from measure_pages(full)
