"""Rows as people read them: a table on a terminal, and the same in Markdown. Rows are plain values (`Row.as_dict`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

HEADINGS = ("figure", "goal", "ours", "peers", "ratio", "met")
_SIGNS = {"at most": "≤ ", "at least": "≥ "}
_MET = {True: "met", False: "MISSED", None: "–"}
_UNITS = {"seconds": "s", "bytes": "B", "times": "x", "percent": "%", "milliseconds": "ms"}


def cells_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Give a row's cells in the order of `HEADINGS`; what a row does not say is a dash."""
    unit = row.get("unit") or ""
    goal = row.get("goal")
    peers = row.get("peers") or {}
    if isinstance(peers, dict):
        peers = ", ".join(f"{name} {shown(value, unit)}" for name, value in peers.items())
    ratio = row.get("ratio")
    return (
        str(row["figure"]),
        "–" if goal is None else f"{_SIGNS.get(row.get('goal_is') or '', '')}{shown(goal, unit)}",
        shown(row.get("ours"), unit),
        str(peers) or "–",
        "–" if ratio is None else shown(ratio, "times"),
        _MET[row.get("met")],
    )


def shown(value: Any, unit: str = "") -> str:
    """Give a value with three digits that count, and its unit; numbers of a thousand or more without a fraction."""
    if value is None:
        return "not measured"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    number = f"{value:,.0f}" if abs(value) >= 1000 or float(value).is_integer() else f"{value:.3g}"
    return f"{number} {_UNITS.get(unit, unit)}".rstrip()


def terminal_table(rows: Iterable[dict[str, Any]]) -> str:
    """Give a table with columns as wide as their cells."""
    lines = [HEADINGS, *map(cells_of, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    ruled = [lines[0], tuple("-" * width for width in widths), *lines[1:]]
    return "".join(f"{_padded(line, widths)}\n" for line in ruled)


def markdown_table(rows: Iterable[dict[str, Any]]) -> str:
    """Give a table of Markdown."""
    lines = [HEADINGS, ("---",) * len(HEADINGS), *map(cells_of, rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
