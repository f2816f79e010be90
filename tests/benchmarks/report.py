"""docs/PERFORMANCE.md: a run's table, its growth curve as a picture, where the time went, and the method."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.growth_curve import Series, growth_curve
from tests.benchmarks.table import markdown_table, shown

_METHOD = Path(__file__).with_name("method.md")
_CURVE = "publish-one-growth.svg"


def write_report(result: dict[str, Any], docs: Path) -> list[Path]:
    """Write PERFORMANCE.md and the picture of a run; gives the files. Without the growth in it there is no picture."""
    written = []
    curve = ""
    series = growth_of(result["rows"])
    if series:
        picture = docs / "images" / _CURVE
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_text(growth_curve("Publish one package, signed", series))
        curve = f"\n![Seconds to publish one package, by the packages in the repository](images/{_CURVE})\n"
        written.append(picture)
    page = docs / "PERFORMANCE.md"
    page.write_text("\n".join([*_head(result), markdown_table(result["rows"]) + curve, *_details(result), _method()]))
    return [page, *written]


def growth_of(rows: Iterable[dict[str, Any]]) -> Series:
    """Give the lines of the growth curve, ours first, from the rows that say how many packages there were."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        count = (row.get("detail") or {}).get("packages")
        if count and str(row["figure"]).startswith("publish one") and row["ours"]:
            for name, seconds in {"repomgr": row["ours"], **row["peers"]}.items():
                lines.setdefault(name, []).append((count, seconds))
    return {name: points for name, points in lines.items() if len(points) > 1}


def _head(result: dict[str, Any]) -> Iterator[str]:
    yield "# Performance"
    yield ""
    yield f"Written by `make bench REPORT=1` on {result['date'][:10]}. A goal that was missed is shown as missed."
    machine = result["machine"]
    yield (
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, Linux "
        f"{machine['kernel']}, {machine['file_system']}; load before the run {machine['load_before']}."
    )
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in result["versions"].items()) + "."
    for name, why in result["failed"].items():
        yield f"\n**{name} could not be measured**: {why}"
    yield ""


def _details(result: dict[str, Any]) -> Iterator[str]:
    """Give what the table has no room for: steps, requests by kind, and what clients were sent."""
    rows = [(row["figure"], row.get("detail") or {}) for row in result["rows"]]
    for heading, key, unit in (("Where the time goes", "steps", "seconds"), ("What clients are sent", "sent", "bytes")):
        told = [(figure, detail[key]) for figure, detail in rows if detail.get(key)]
        if told:
            yield f"## {heading}\n"
            yield from (f"- {figure}: {_listed(values, unit)}." for figure, values in told)
            yield ""
    for _, detail in rows:
        if detail.get("requests"):
            yield "## Requests of publish one on S3 and DynamoDB\n"
            yield from (f"- {size}: {_listed(kinds)}." for size, kinds in detail["requests"].items())
            yield ""


def _listed(values: dict[str, float], unit: str = "") -> str:
    largest = sorted(values.items(), key=lambda item: -item[1])
    worth = [(name, value) for name, value in largest if unit != "seconds" or value >= 0.001]
    return ", ".join(f"{name} {shown(value, unit)}" for name, value in worth) or "nothing"


def _method() -> str:
    return _METHOD.read_text()
