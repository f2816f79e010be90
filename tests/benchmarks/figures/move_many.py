"""Many packages moved at once, and one withdrawn: from the request to the switch of InRelease, beside aptly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.peers import Aptly
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.same_packages import check_lists
from tests.benchmarks.tiny_debs import TinyDeb

_MEGABYTE = 1_000_000
_SECONDS = 10
_MEGABYTES = 300
_SHARE = 5
"""One in so many packages is moved."""
_NEARLY = 200
"""Of so many packages one may lack."""
_RUNS = 3
_FULL, _LESS, _AGAIN = "full", "less", "again"


@dataclass(frozen=True)
class _Step:
    """A move of ours, as an order takes it, and what another tool does for the same; gives the seconds."""

    name: str
    move: dict[str, str]
    peer: Callable[[], float]


def measure_many(bench: Bench) -> Iterator[Row]:
    """Give time and peak of each move of a fifth of the packages: out of the suite, in again, and rolled back."""
    count = bench.sizes.most
    aptly = bench.aptly(count)
    added = list(aptly.more)
    query, moved = _spread([*bench.debs(count), *added], count // _SHARE)
    peaks = []
    with bench.ours(count) as ours:
        ours.configure(added, **GZ_AND_XZ)
        ours.run("publish_each", debs=paths(added))
        aptly.snapshot(_FULL)
        aptly.publish_snapshot(_FULL)
        check_lists(ours, {aptly.name: aptly.packages_of_snapshot})
        for step in _steps(ours, aptly, query):
            say(f"{step.name} {moved:,} of {count:,}: ours")
            answer = ours.run_watched("move_each", moves=[step.move])
            peaks.append(answer["peak_bytes"] / _MEGABYTE)
            say(f"{step.name} {moved:,} of {count:,}: {aptly.name}")
            computed = aptly.computed
            theirs = {aptly.name: step.peer()}
            listed = check_lists(ours, {aptly.name: aptly.packages_of_snapshot})
            [run] = answer["runs"]
            detail = {"steps": run["steps"], "user_cpu_seconds": run["cpu"], "listed_by_all": listed, "query": query,
                      "aptly_user_cpu_seconds": aptly.computed - computed}  # fmt: skip
            figure = f"{step.name} {moved:,} of {count:,} packages, and publication"
            yield Row(figure, "seconds", run["seconds"], Goal(_SECONDS), theirs, detail)
    figure = f"peak memory of moving {moved:,} of {count:,} packages, and publication"
    yield Row(figure, "MB", max(peaks), Goal(_MEGABYTES), detail={"each": peaks})


def _steps(ours: OurRepository, aptly: Aptly, query: str) -> Iterator[_Step]:
    before = ours.run("in_place")["publication"]
    yield _Step("withdraw", {"what": "withdrawn", "query": query},
                lambda: aptly.snapshot_without(_LESS, _FULL, query) + aptly.switch(_LESS))  # fmt: skip
    without = ours.run("in_place")["publication"]
    yield _Step("restore", {"what": "restored", "query": query},
                lambda: aptly.snapshot_with(_AGAIN, _LESS, _FULL, query) + aptly.switch(_AGAIN))  # fmt: skip
    yield _Step("roll back", {"roll_back": without}, lambda: aptly.switch(_LESS))
    yield _Step("roll forth", {"roll_back": before}, lambda: aptly.switch(_FULL))


def _spread(debs: Sequence[TinyDeb], most: int) -> tuple[str, int]:
    """Give a query that selects nearly `most` of the packages, by the ends of names, and how many it selects.

    It is one of aptly's, and so of ours.
    """
    chosen, left = [], most
    for end, count in Counter(deb.name[-2:] for deb in debs).most_common():
        if count <= left and left > most // _NEARLY:
            chosen.append(end)
            left -= count
    return " | ".join(f"Name (% *{end})" for end in sorted(chosen)), most - left


def measure_one(bench: Bench) -> Iterator[Row]:
    """Give what withdrawing one takes, and how it compares with publishing the same ones."""
    count, debs = bench.sizes.most, bench.to_add[1 : _RUNS + 2]
    aptly = bench.aptly(count)
    with bench.ours(count) as ours:
        say(f"withdraw one, {count:,} packages: ours")
        ours.configure(debs, **GZ_AND_XZ)
        published = ours.run("publish_each", debs=paths(debs), warm_up=1)["runs"]
        moves = [{"what": "withdrawn", "query": f"{deb.name} (= {deb.version})"} for deb in debs]
        withdrawn = ours.run("move_each", moves=moves, warm_up=1)["runs"]
    say(f"withdraw one, {count:,} packages: {aptly.name}")
    theirs = []
    for deb in debs[1:]:
        aptly.publish_one(deb)
        theirs.append(aptly.remove_one(deb))
    one, other = _middle(withdrawn), _middle(published)
    detail = {"runs": [run["seconds"] for run in withdrawn], "user_cpu_seconds": one["cpu"], "steps": one["steps"],
              "published": other}  # fmt: skip
    figure = f"withdraw one, N = {count:,}"
    yield Row(figure, "seconds", one["seconds"], None, {aptly.name: median(theirs)}, detail)
    yield Row(f"{figure}, over publishing one", "times", one["seconds"] / other["seconds"], Goal(1))


def _middle(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return sorted(runs, key=lambda run: float(run["seconds"]))[len(runs) // 2]
