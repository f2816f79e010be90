"""Force rebuild: all indexes made and signed again from what each tool keeps of the files."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_ALONE, GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.processes import repeated, say
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.same_packages import check_same

_WARM_SECONDS = 2.5
_RUNS = 3
_ENOUGH = 20.0
"""Seconds: a rebuild of another that takes longer is measured once."""


def measure(bench: Bench) -> Iterator[Row]:
    """Give the rows for no shards kept, beside the others with the same forms."""
    count = bench.sizes.most
    peers = bench.peers(count)
    with bench.ours(count) as ours:
        ours.configure(peers.added, **GZ_AND_XZ)
        ours.run("publish_each", debs=paths(peers.added))
        theirs = bench.peer_rebuilds
        for peer in peers.all:
            if peer is not peers.aptly:
                say(f"force rebuild: {peer.name}")
                theirs[peer.name] = repeated(peer.rebuild, times=_RUNS, enough=_ENOUGH).median
        cold = _rebuilt(ours, cold=True)
        check_same(ours, peers.all)
        goal = Goal(min(theirs.values()))
        yield _row(f"force rebuild, N = {count:,}, no shards kept (gz + xz)", cold, goal, theirs)
        say("force rebuild: aptly with gz alone")
        aptly = repeated(peers.aptly.rebuild_gz_alone, times=_RUNS, enough=_ENOUGH).median
        ours.configure(peers.added, **GZ_ALONE)
        alone = _rebuilt(ours, cold=True)
        check_same(ours, [peers.aptly])
        figure = f"force rebuild, N = {count:,}, no shards kept (gz alone)"
        yield _row(figure, alone, Goal(aptly), {"aptly": aptly})


def measure_kept(bench: Bench) -> Iterator[Row]:
    """Give the row for all shards kept, beside what `measure` has found of the others in this run."""
    count = bench.sizes.most
    with bench.ours(count) as ours:
        ours.configure(**GZ_AND_XZ)
        warm = _rebuilt(ours, cold=False)
    figure = f"force rebuild, N = {count:,}, shards kept (gz + xz)"
    yield _row(figure, warm, Goal(_WARM_SECONDS), bench.peer_rebuilds)


def _rebuilt(ours: OurRepository, *, cold: bool) -> list[dict[str, Any]]:
    say(f"force rebuild: ours, {'no' if cold else 'all'} shards kept")
    runs: list[dict[str, Any]] = ours.run("rebuild", times=_RUNS, cold=cold)["runs"]
    return sorted(runs, key=lambda run: float(run["seconds"]))


def _row(figure: str, runs: list[dict[str, Any]], goal: Goal, peers: dict[str, float]) -> Row:
    seconds = [round(run["seconds"], 3) for run in runs]
    cpu = [round(run["cpu"], 2) for run in runs]
    detail = {"runs": seconds, "user_cpu_seconds": cpu, "steps": runs[len(runs) // 2]["steps"]}
    return Row(figure, "seconds", median(seconds), goal, peers, detail)
