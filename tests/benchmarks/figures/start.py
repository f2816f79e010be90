"""Start: what short commands compute, nearly all of it to start Python with what they import."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Row

_RUNS = 5


def measure(bench: Bench) -> Iterator[Row]:
    """Give the seconds that commands compute, which do nothing, ask for help, and find nothing to publish."""
    ours = OurRepository(bench.folder("ours") / "empty")
    ours.configure(**GZ_AND_XZ)
    ours.run("empty")
    ours.manage("publish")
    for what, arguments in (
        ("manage.py help", ["help"]),
        ("manage.py publish --help", ["publish", "--help"]),
        ("manage.py publish with nothing to publish", ["publish"]),
    ):
        say(f"start: {what}")
        cpu = [round(ours.manage(*arguments).cpu, 3) for _ in range(_RUNS)]
        yield Row(f"processor time of {what}", "seconds", median(cpu), detail={"runs": cpu})
