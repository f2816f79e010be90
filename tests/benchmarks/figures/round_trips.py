"""Round trips: publishing one package on S3 and DynamoDB that are 20 ms off, and how often it waits for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.distributed import brought_to, distributed_settings, moto_to_fill
from tests.benchmarks.ours import GZ_AND_XZ, paths
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Goal, Row
from tests.watched_server import WatchedServer, in_sequence

_DELAY = 0.02
_SECONDS = 0.5
_WARM_UP, _RUNS = 1, 5


def measure(bench: Bench) -> Iterator[Row]:
    """Give the seconds to the switch of InRelease, those to the end of the job, and the round trips in sequence."""
    count = bench.sizes.requests[-1]
    say(f"round trips, {count:,} packages")
    debs = bench.to_add[: _WARM_UP + _RUNS]
    with bench.ours(count) as embedded, moto_to_fill() as address, WatchedServer(address, delay=_DELAY) as server:
        ours = brought_to(address, embedded)
        ours.configure(debs, **GZ_AND_XZ)
        far = replace(ours, settings=distributed_settings(ours, server.url))
        runs = far.run("publish_spans", debs=paths(debs))["runs"][_WARM_UP:]
        measured = sorted((_measured(server, run) for run in runs), key=lambda run: run["seconds"])
    middle = measured[len(measured) // 2]
    figure = f"publish one on S3 and DynamoDB {1000 * _DELAY:.0f} ms off, N = {count:,}"
    seconds = [round(run["seconds"], 3) for run in measured]
    yield Row(f"{figure}: to the switch", "seconds", middle["seconds"], Goal(_SECONDS), detail={"runs": seconds})
    yield Row(f"{figure}: with the root and its record", "seconds", middle["done"])
    names = {"chain": middle["names"]}
    yield Row(f"{figure}: round trips in sequence", "round trips", middle["in_sequence"], detail=names)


def _measured(server: WatchedServer, run: dict[str, float]) -> dict[str, Any]:
    """Give what one publication took, and what it waited for up to the switch."""
    trips = server.between(run["taken_in"], run["published"])
    [switch] = [trip for trip in trips if trip.name.startswith("PUT") and trip.name.endswith("/InRelease")]
    chain = in_sequence([trip for trip in trips if trip.ended <= switch.ended])
    return {
        "seconds": switch.ended - run["taken_in"],
        "done": run["published"] - run["taken_in"],
        "in_sequence": len(chain),
        "names": [trip.name for trip in chain],
    }
