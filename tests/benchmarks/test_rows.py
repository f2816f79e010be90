"""The bench judges its rows honestly, and shows them as they are."""

from __future__ import annotations

from xml.etree import ElementTree

from tests.benchmarks.growth_curve import growth_curve
from tests.benchmarks.report import growth_of
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.table import cells_of, markdown_table, terminal_table

SVG = "{http://www.w3.org/2000/svg}"


def test_a_goal_not_to_be_passed_is_met_up_to_its_limit() -> None:
    assert Row("publish one", "seconds", 0.5, Goal(0.5)).met is True
    assert Row("publish one", "seconds", 0.501, Goal(0.5)).met is False


def test_a_goal_to_be_reached_is_met_from_its_limit() -> None:
    assert Row("speed", "percent", 80, Goal(80, at_least=True)).met is True
    assert Row("speed", "percent", 79.9, Goal(80, at_least=True)).met is False


def test_what_could_not_be_measured_is_missed_and_what_has_no_goal_is_neither() -> None:
    assert Row("publish one", "seconds", None, Goal(0.5)).met is False
    assert Row("publish one", "seconds", 0.3).met is None


def test_the_ratio_is_that_to_the_fastest_of_the_others() -> None:
    row = Row("publish one", "seconds", 0.5, peers={"reprepro": 29.0, "aptly": 8.0})
    assert row.ratio == 16
    assert Row("publish one", "seconds", 2, peers={"aptly": 1.0}).ratio == 0.5
    assert Row("publish one", "seconds", 0.5).ratio is None
    assert Row("publish one", "seconds", None, peers={"aptly": 1.0}).ratio is None


def test_a_row_is_plain_values() -> None:
    row = Row("publish one", "seconds", 0.4, Goal(0.5), {"aptly": 8.0})
    assert row.as_dict() == {
        "figure": "publish one", "unit": "seconds", "goal": 0.5, "goal_is": "at most", "ours": 0.4,
        "peers": {"aptly": 8.0}, "ratio": 20.0, "met": True, "detail": {},
    }  # fmt: skip


def test_a_row_shows_three_digits_its_unit_and_a_miss() -> None:
    row = Row("publish one", "seconds", 0.6123, Goal(0.5), {"aptly": 8.04, "reprepro": 29.0}).as_dict()
    assert cells_of(row) == ("publish one", "≤ 0.5 s", "0.612 s", "aptly 8.04 s, reprepro 29 s", "13.1 x", "MISSED")


def test_rows_of_others_may_say_less() -> None:
    row = {"figure": "admin search", "goal": "200 ms", "ours": 34.5, "peers": "none", "ratio": None, "met": True}
    assert cells_of(row) == ("admin search", "200 ms", "34.5", "none", "–", "met")


def test_a_table_shows_every_row_in_both_forms() -> None:
    rows = [Row("one", "bytes", 8_900_000).as_dict(), Row("two", "seconds", None, Goal(1)).as_dict()]
    for table in (terminal_table(rows), markdown_table(rows)):
        assert "8,900,000 B" in table
        assert "not measured" in table
        assert len(table.splitlines()) == 4


def test_the_growth_curve_has_a_line_for_each_tool_that_rises_with_its_seconds() -> None:
    rows = [
        Row(f"publish one, N = {n}", "seconds", ours, peers={"aptly": aptly}, detail={"packages": n}).as_dict()
        for n, ours, aptly in ((1000, 0.1, 0.3), (50_000, 0.4, 9.0))
    ]
    lines = growth_of([*rows, Row("something else", "seconds", 7.0).as_dict()])
    assert lines == {"repomgr": [(1000, 0.1), (50_000, 0.4)], "aptly": [(1000, 0.3), (50_000, 9.0)]}
    drawing = ElementTree.fromstring(growth_curve("Publish one", lines))
    drawn = [
        [tuple(map(float, p.split(","))) for p in line.get("points", "").split()]
        for line in drawing.iter(f"{SVG}polyline")
    ]
    (left, low), (right, high) = drawn[1]
    assert left < right
    assert low > high  # pixels count from the top
    assert drawn[0][1][1] > high
    assert {"repomgr 0.4 s", "aptly 9 s"} <= {text.text for text in drawing.iter(f"{SVG}text")}
