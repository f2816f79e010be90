"""Requests: what publishing one package asks of S3 and DynamoDB, counted at two sizes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from packages_app.signing.openpgp import generate_key
from repomgr.servers.start import moto_server
from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
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
    home = bench.folder("ours") / f"s3-{count}"
    home.mkdir()
    with moto_server() as address:
        ours = OurRepository(home, distributed_settings(bench, address))
        ours.configure(debs, **GZ_AND_XZ)
        ours.run("set_up", records=str(bench.records(count)), count=count)
        runs = ours.run("count_requests", debs=paths(debs))["runs"]
    return Counter(runs[-1])


def distributed_settings(bench: Bench, address: str) -> dict[str, str]:
    """Return the settings of a repository of ours whose table and stores are at an address."""
    key = bench.scratch / "signing-key.asc"
    if not key.exists():
        key.write_text(generate_key("Bench <bench@example.org>"))
    where = f"region=eu-central-1&endpoint={address}"
    return {
        "PACKAGE_TABLE_URL": f"dynamodb://bench?{where}",
        "BUCKET_URL": f"s3://bench-bucket?{where}",
        "STAGING_URL": f"s3://bench-staging?{where}",
        "SIGNING_KEY_FILE": str(key),
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-central-1",
    }
