"""Two suites side by side: each difference once, by the newest of each, a page after the other."""

import random

from django.db import connection
from django.test.utils import CaptureQueriesContext

from packages_app.core.record import key_named
from packages_app.core.version import version_key
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.mirror.side_by_side import PAGE, Difference, side_by_side
from tests.records import make_record

PLACES = (("stable",), ("testing",), ("stable", "testing"), ("stable", "old"), ("old",), ())
VERSIONS = ("1.0", "1.0~rc1", "1:0.1", "1.10", "1.9-1", "2")


def pages(difference):
    found, after = [], ""
    while True:
        with CaptureQueriesContext(connection) as captured:
            page = side_by_side("stable", "testing", difference, after)
        assert len(captured) <= 2
        found += page.rows
        if not page.after:
            return found
        after = page.after
        assert len(page.rows) == PAGE


def test_each_difference_is_told_once_and_in_order(db):
    chance = random.Random(7)
    records, newest = [], {}
    for number in range(180):
        for architecture in chance.sample(["amd64", "arm64", "all"], 2):
            for version in chance.sample(VERSIONS, 2):
                suites = chance.choice(
                    [("stable",), ("testing",), ("stable", "testing"), ("stable", "old"), ("old",), ()]
                )
                records.append(make_record(f"tool{number}", version, architecture, suites=suites))
                for suite in suites:
                    key = (suite, f"tool{number}", architecture)
                    newest[key] = max(newest.get(key, version), version, key=version_key)
    mirror_records(records)
    expected = {difference: set() for difference in Difference}
    for name, architecture in {key[1:] for key in newest}:
        left, right = (newest.get((suite, name, architecture), "") for suite in ("stable", "testing"))
        if left == right:
            continue
        if not left or not right:
            difference = Difference.ONLY_LEFT if left else Difference.ONLY_RIGHT
        else:
            difference = Difference.NEWER_LEFT if version_key(left) > version_key(right) else Difference.NEWER_RIGHT
        expected[difference].add((name, architecture, left, right))
    assert len(expected[Difference.ONLY_LEFT]) > PAGE > 0
    for difference in Difference:
        found = pages(difference)
        told = [(row.name, row.architecture, row.left, row.right) for row in found]
        assert (set(told), len(told)) == (expected[difference], len(expected[difference])), difference
        assert told == sorted(told)
        for row in found:
            package_id, _ = key_named(row.key)
            assert package_id == f"{row.name}#{row.left if difference.is_left else row.right}"
