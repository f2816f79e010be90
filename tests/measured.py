"""Which tests `make coverage` measures: those that reach what others don't, since tracing makes a test twice as slow.

On Python 3.11 each line of all code, Django's too, goes through the tracer: two repairs of what is corrupt at random
take 7.0 s of processor time without it, 16.4 with. What is measured is a part of what all tests reach, so a floor that
this part keeps is kept by all. The others run untraced. With COVER=all each is measured.
"""

from __future__ import annotations

from collections import Counter

import pytest

_AGAIN = (
    "tests/faults",
    "tests/apt",
    "tests/browser",
    "tests/benchmarks",
    "tests/client",
    "tests/api/test_schema.py",
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
