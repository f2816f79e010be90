"""The growth curve as a picture: seconds over packages, both axes logarithmic, as SVG text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

Series = Mapping[str, Sequence[tuple[float, float]]]
"""Points (packages, seconds) by the name of the line, in the order of drawing; the first line is ours."""

_WIDTH, _HEIGHT = 820, 500
_LEFT, _RIGHT, _TOP, _BOTTOM = 80, 180, 56, 64
_COLOURS = ("#0b57d0", "#b3261e", "#7a4b00", "#5f6368", "#146c2e")
_LINE_OF_TEXT = 20
_STEPS = (1, 2, 5)
_STYLE = "text{font:14px sans-serif;fill:#202124}.title{font-size:17px;font-weight:bold}.grid{stroke:#dadce0}"


@dataclass(frozen=True)
class Axis:
    """A logarithmic axis: values from `low` to `high` stand at pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Give a value's pixel."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Give the round values (1, 2, 5 times a power of ten) on the axis."""
        powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        values = [step * 10.0**power for power in powers for step in _STEPS]
        return [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]


def growth_curve(title: str, series: Series) -> str:
    """Draw a line for each name, with its name at its end; values are above zero."""
    across = [x for points in series.values() for x, _ in points]
    upward = [y for points in series.values() for _, y in points]
    x_axis = Axis(*_rounded(min(across), max(across)), _LEFT, _WIDTH - _RIGHT)
    y_axis = Axis(*_rounded(min(upward), max(upward)), _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" '
        f'height="{_HEIGHT}" role="img"><title>{escape(title)}</title><style>{_STYLE}</style>',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        f'<text class="title" x="{_LEFT}" y="30">{escape(title)}</text>',
        *_grid(x_axis, y_axis),
        *_lines(series, x_axis, y_axis),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _rounded(low: float, high: float) -> tuple[float, float]:
    """Give the nearest round values around a range."""
    rounds = [step * 10.0**power for power in range(-6, 10) for step in _STEPS]
    below = max(value for value in rounds if value <= low * 1.001)
    above = min(value for value in rounds if value >= high * 0.999 and value > below)
    return below, above


def _grid(x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    for value in x_axis.ticks():
        x = x_axis.at(value)
        yield f'<line class="grid" x1="{x}" x2="{x}" y1="{y_axis.start}" y2="{y_axis.end}"/>'
        yield f'<text x="{x}" y="{y_axis.start + 22}" text-anchor="middle">{value:,.0f}</text>'
    for value in y_axis.ticks():
        y = y_axis.at(value)
        yield f'<line class="grid" x1="{x_axis.start}" x2="{x_axis.end}" y1="{y}" y2="{y}"/>'
        yield f'<text x="{x_axis.start - 10}" y="{y + 5}" text-anchor="end">{value:g} s</text>'
    middle = (x_axis.start + x_axis.end) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 16}" text-anchor="middle">packages in the repository</text>'


def _lines(series: Series, x_axis: Axis, y_axis: Axis) -> Iterator[str]:
    ends = {name: y_axis.at(points[-1][1]) for name, points in series.items()}
    labels = _apart(ends)
    for number, (name, points) in enumerate(series.items()):
        colour, width = _COLOURS[number % len(_COLOURS)], 4 if number == 0 else 2
        places = [(x_axis.at(x), y_axis.at(y)) for x, y in points]
        drawn = " ".join(f"{x},{y}" for x, y in places)
        yield f'<polyline points="{drawn}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        yield from (f'<circle cx="{x}" cy="{y}" r="{width + 1}" fill="{colour}"/>' for x, y in places)
        label = f"{escape(name)} {points[-1][1]:.2g} s"
        weight = "bold" if number == 0 else "normal"
        x = places[-1][0] + 14
        yield f'<text x="{x}" y="{labels[name] + 5}" style="fill:{colour};font-weight:{weight}">{label}</text>'


def _apart(ends: Mapping[str, float]) -> dict[str, float]:
    """Move labels down until none stands on another."""
    placed: dict[str, float] = {}
    lowest = -math.inf
    for name, y in sorted(ends.items(), key=lambda item: item[1]):
        lowest = max(y, lowest + _LINE_OF_TEXT)
        placed[name] = round(lowest, 1)
    return placed
