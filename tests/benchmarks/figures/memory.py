"""Memory: the most that a publication and a rebuild hold, the process and its children together."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Goal, Row

_MEGABYTE = 1_000_000
_MOST_MEGABYTES = 300
_MOST_MEGABYTES_OF_SYNTHETIC = 1000
_MOST_MEGABYTES_OF_TWO = 250
_SECONDS_OF_SYNTHETIC = 5
_RUNS = 3


def measure(bench: Bench) -> Iterator[Row]:
    """Give the peaks at the largest repository, then peak and time of a publication among the synthetic records."""
    count = bench.sizes.most
    debs = bench.to_add[: _RUNS + 1]
    with bench.ours(count) as ours:
        say(f"memory, {count:,} packages")
        ours.configure(debs, **GZ_AND_XZ)
        peak = ours.run_watched("publish_each", debs=paths(debs))["peak_bytes"] / _MEGABYTE
        yield Row(f"peak memory of publish one, N = {count:,}", "MB", peak, Goal(_MOST_MEGABYTES))
        peak = ours.run_watched("rebuild", cold=True)["peak_bytes"] / _MEGABYTE
        yield Row(f"peak memory of force rebuild, N = {count:,}", "MB", peak, Goal(_MOST_MEGABYTES))
    count = bench.sizes.synthetic
    with bench.ours(count) as ours:
        say(f"memory, {count:,} records")
        ours.configure(debs, **GZ_AND_XZ)
        runs = ours.run("publish_each", debs=paths(debs[:-1]), warm_up=1)["runs"]
        peak = ours.run_watched("publish_each", debs=paths(debs[-1:]))["peak_bytes"] / _MEGABYTE
    seconds = median([run["seconds"] for run in runs])
    figure = f"publish one, N = {count:,} synthetic records"
    yield Row(f"peak memory of {figure}", "MB", peak, Goal(_MOST_MEGABYTES_OF_SYNTHETIC))
    yield Row(figure, "seconds", seconds, Goal(_SECONDS_OF_SYNTHETIC), detail={"steps": runs[-1]["steps"]})


def measure_two(bench: Bench) -> Iterator[Row]:
    """Give the peak of a whole publication, no shards kept, of packages that two architectures have."""
    count = bench.sizes.in_both
    say(f"memory, {count:,} packages in two architectures")
    ours = OurRepository(bench.folder("ours") / "two-architectures")
    ours.configure(architectures=["amd64", "arm64"], **GZ_AND_XZ)
    ours.run("set_up", records=str(bench.records(min(count, bench.sizes.most))), count=count)
    peak = ours.run_watched("rebuild", cold=True)["peak_bytes"] / _MEGABYTE
    figure = f"peak memory of a publication of {2 * count:,} stanzas in two architectures"
    yield Row(figure, "MB", peak, Goal(_MOST_MEGABYTES_OF_TWO))
