"""Which tests coverage measures: those that reach what others don't, since tracing makes a test twice as slow.

On Python 3.11 each line of all code, Django's too, goes through the tracer: two repairs of what is corrupt at random
take 7.0 s of processor time without it, 16.4 with. What is measured is a part of what all tests reach, so a floor that
this part keeps is kept by all. With COVER=all each test is measured.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator

import pytest
from coverage import Coverage

_AGAIN = (
    "tests/faults",
    "tests/apt",
    "tests/browser",
    "tests/benchmarks",
    "tests/services/test_properties.py",
    "tests/services/repair/test_corrupt_at_random.py",
    "tests/debian/test_differential.py",
    "tests/debian/test_fuzz.py",
    "tests/debian/test_hostile.py",
)
"""Folders and files that send lines which others reach through their paces, again and again."""

_DEAR = (
    "tests/admin",
    "tests/commands",
    "tests/deploy",
    "tests/package_table",
    "tests/publishing",
    "tests/services",
    "tests/stores",
)
"""Folders whose tests set much up. Elsewhere each case is measured: it may be the only one that a rule refuses."""
_OF_DEAR = 3
"""Of so many tests of a dear file one is measured: each goes through most of what the others do."""


def measured(items: list[pytest.Item]) -> set[str]:
    """Return the names of those to measure: of dear tests some, of cases the first, and no property of any input."""
    if os.environ.get("COVER") == "all":
        return {item.nodeid for item in items}
    first: dict[str, pytest.Item] = {}
    for item in items:
        dear = item.nodeid.startswith(_DEAR)
        first.setdefault(item.nodeid.partition("[")[0] if dear else item.nodeid, item)
    within: Counter[str] = Counter()
    chosen = set()
    for item in first.values():
        file = item.nodeid.partition("::")[0]
        if file.startswith(_AGAIN) or item.get_closest_marker("hypothesis") is not None:
            continue
        if not file.startswith(_DEAR) or within[file] % _OF_DEAR == 0:
            chosen.add(item.nodeid)
        within[file] += 1
    return chosen


class MeasuredSome:
    """Stops coverage, where it is wanted, for the tests that are not to be measured (a plugin of pytest)."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run a test, and what its fixtures do, with coverage or without."""
        coverage = Coverage.current()
        if coverage is None or item.nodeid in self._names:
            return (yield)
        coverage.stop()
        try:
            return (yield)
        finally:
            coverage.start()
