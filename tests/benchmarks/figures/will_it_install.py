"""What it costs to look, before clients see one change, whether packages can't be installed any more."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.processes import plain_environment, run, say
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.tiny_debs import TinyDeb

_MEGABYTE = 1_000_000
_MEGABYTES = 300
_RUNS = 3
_SOLVER = "dose-debcheck"


def measure(bench: Bench) -> Iterator[Row]:
    """Give the seconds that the check adds to a publication of one change, beside the solver's for the whole suite."""
    count, debs = bench.sizes.most, bench.to_add[: _RUNS + 1]
    say(f"will it install, {count:,} packages")
    with bench.ours(count) as ours:
        without = _published(ours, debs, "off")
        say(f"{_SOLVER} of the whole suite")
        # It ends with another code than 0 where it finds packages that can't be installed, as it does here.
        ask = f"{_SOLVER} --quiet --deb-native-arch=amd64 --failures {ours.packages} > {bench.scratch}/broken || true"
        whole = run(["sh", "-c", ask], plain_environment())
    with bench.ours(count) as ours:
        checked = _published(ours, debs, "warn")
    seconds = _middle(checked, "seconds") - _middle(without, "seconds")
    computed = _middle(checked, "cpu") - _middle(without, "cpu")
    detail = {"published": checked["runs"], "without": without["runs"], "user_cpu_seconds": computed,
              "solver_user_cpu_seconds": whole.cpu}  # fmt: skip
    figure = f"check of what one change makes uninstallable, N = {count:,}"
    yield Row(figure, "seconds", seconds, Goal(whole.seconds), {f"{_SOLVER}, whole suite": whole.seconds}, detail)
    peak = checked["peak_bytes"] / _MEGABYTE
    yield Row(f"peak memory of publish one with that check, N = {count:,}", "MB", peak, Goal(_MEGABYTES))


def _published(ours: OurRepository, debs: list[TinyDeb], installability: str) -> dict[str, Any]:
    ours.configure(debs, installability=installability, **GZ_AND_XZ)
    return ours.run_watched("publish_each", debs=paths(debs), warm_up=1)


def _middle(answer: dict[str, Any], what: str) -> float:
    return median([run[what] for run in answer["runs"]])
