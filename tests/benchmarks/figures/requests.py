"""Requests: what publishing one package asks of S3 and DynamoDB, counted at two sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from tests.benchmarks.bench import Bench
from tests.benchmarks.distributed import brought_to, moto_to_fill
from tests.benchmarks.ours import GZ_AND_XZ, paths
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Goal, Row

_PUTS = 15
_NEVER = ("s3.List", "dynamodb.Scan")


def measure(bench: Bench) -> Iterator[Row]:
    """Give the PUTs, the listings and scans, and how much the counts differ between the sizes."""
    small, large = bench.sizes.requests
    few, many = _counts(bench, small), _counts(bench, large)
    by_size = {f"N = {small:,}": few, f"N = {large:,}": many}
    figure = f"publish one on S3 and DynamoDB, N = {large:,}"
    puts = many.get("s3.PutObject", 0)
    yield Row(f"{figure}: PUTs", "requests", puts, Goal(_PUTS), detail={"requests": by_size})
    never = sum(number for name, number in many.items() if name.startswith(_NEVER))
    yield Row(f"{figure}: listings and scans", "requests", never, Goal(0))
    yield Row(f"{figure}: all requests", "requests", sum(many.values()))
    more = sum(abs(few.get(name, 0) - many.get(name, 0)) for name in {*few, *many})
    yield Row(f"requests of publish one, difference between N = {small:,} and {large:,}", "requests", more, Goal(0))


def _counts(bench: Bench, count: int) -> Mapping[str, int]:
    """Give the requests of the last of some publications, by service and operation."""
    say(f"requests, {count:,} packages")
    debs = bench.to_add[:3]
    with bench.ours(count) as embedded, moto_to_fill() as address:
        ours = brought_to(address, embedded)
        ours.configure(debs, **GZ_AND_XZ)
        runs = ours.run("count_requests", debs=paths(debs))["runs"]
    return Counter(runs[-1])
