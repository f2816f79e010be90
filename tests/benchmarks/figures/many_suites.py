"""Work by suite: a hundred suites among many records signed again, and verified."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Goal, Row

_MEGABYTE = 1_000_000
_SECONDS_TO_SIGN = 10
_MEGABYTES_TO_SIGN = 200
_MEGABYTES_TO_VERIFY = 300


def measure(bench: Bench) -> Iterator[Row]:
    """Give time and peak of renewing all signatures, then those of a verification of everything."""
    suites, count = bench.sizes.suites
    say(f"setting up ours with {count:,} packages in {suites} suites")
    ours = OurRepository(bench.folder("ours") / f"{suites}-suites")
    ours.configure(names=["stable", *(f"suite{number}" for number in range(1, suites))], **GZ_AND_XZ)
    ours.run("set_up", records=str(bench.records(min(count, bench.sizes.most))), count=count)
    among = f"{suites} suites among {count:,} records"
    signed = ours.run_watched("resign")
    yield Row(f"re-sign {among}", "seconds", signed["seconds"], Goal(_SECONDS_TO_SIGN), detail={"read": signed["read"]})
    yield Row(f"peak memory of re-sign {among}", "MB", signed["peak_bytes"] / _MEGABYTE, Goal(_MEGABYTES_TO_SIGN))
    verified = ours.run_watched("verify")
    yield Row(f"verify {among}", "seconds", verified["seconds"], detail={"found": verified["found"]})
    yield Row(f"peak memory of verify {among}", "MB", verified["peak_bytes"] / _MEGABYTE, Goal(_MEGABYTES_TO_VERIFY))
