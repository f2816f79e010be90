"""Intake: a large file beside a bare pass of three hashes, many small ones beside aptly, and the real readers' word."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count as counted
from statistics import median
from time import perf_counter

from packages_app.debian.real_readers import Offered, complaints_of
from packages_app.debian.stanza import stanza_of
from tests.benchmarks.bench import Bench
from tests.benchmarks.deb_records import record_of
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.peers import Aptly, linked
from tests.benchmarks.processes import BenchFailed, repeated, say
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.same_packages import check_same
from tests.benchmarks.tiny_debs import TinyDeb, make_large_deb, make_versions

_PERCENT = 80
_RUNS = 3
_PACKAGES = 10
_NAME = "large"
_BATCHES = (1, 100, 1_000)


def measure_large(bench: Bench) -> Iterator[Row]:
    """Give how much of the speed of one MD5, SHA1 and SHA256 pass the intake of a large file has."""
    size = bench.sizes.large_bytes
    say(f"intake of {size:,} bytes")
    folder = bench.folder("large-files")
    debs = [make_large_deb(folder, _NAME, f"1.{number}", size) for number in range(_RUNS + 1)]
    ours = OurRepository(bench.folder("ours") / "large")
    ours.configure(debs[:1], **GZ_AND_XZ)
    ours.run("empty")
    runs = ours.run("intake", debs=paths(debs), warm_up=1)["runs"]
    hashed, seconds, staged = (median([run[name] for run in runs]) for name in ("hashed", "seconds", "staged"))
    detail = {"hash_pass_seconds": hashed, "intake_seconds": seconds, "staging_seconds": staged}
    what = f"intake of a .deb of {size // 1_000_000} MB"
    detail["steps"] = runs[-1]["steps"]
    yield Row(
        f"{what}: speed, of a hash pass's", "percent", 100 * hashed / seconds, Goal(_PERCENT, at_least=True), {}, detail
    )
    yield Row(f"{what}, staging included: speed, of a hash pass's", "percent", 100 * hashed / (staged + seconds))


def measure_small(bench: Bench) -> Iterator[Row]:
    """Give what many small files take from the command line to the first publication, beside aptly."""
    count = bench.sizes.small_files
    say(f"intake of {count:,} small files")
    controls = [deb.control for deb in bench.debs(_PACKAGES)]
    debs = list(make_versions(bench.folder("small-files"), controls, count))
    folder = linked(bench.scratch / "incoming", debs)
    number = counted()

    def ours() -> float:
        repository = OurRepository(bench.folder("ours") / f"small-{next(number)}")
        repository.configure(debs[:_PACKAGES], **GZ_AND_XZ)
        repository.run("empty")
        made.append(repository)
        return repository.manage("upload_deb", str(folder)).seconds

    def theirs() -> float:
        aptly = Aptly(bench.scratch / f"small-aptly-{next(number)}", bench.key)
        aptly.create()
        others.append(aptly)
        return aptly.add(folder) + aptly.publish()

    made: list[OurRepository] = []
    others: list[Aptly] = []
    our_runs, their_runs = repeated(ours, times=_RUNS), repeated(theirs, times=_RUNS)
    check_same(made[-1], others[-1:])
    detail = {"runs": our_runs.seconds, "aptly_runs": their_runs.seconds, "packages": count}
    figure = f"intake of {count:,} small .deb files, and publication"
    yield Row(figure, "seconds", our_runs.median, Goal(their_runs.median), {"aptly": their_runs.median}, detail)


def measure_readers(bench: Bench) -> Iterator[Row]:
    """Give what dpkg's and apt's own word on a batch takes before it is recorded: they are asked once a batch."""
    debs = bench.debs(max(_BATCHES))
    for count in _BATCHES:
        say(f"dpkg's and apt's word on {count:,} packages")
        batch = [_offered(deb) for deb in debs[:count]]

        def ask(batch: list[Offered] = batch) -> float:
            began = perf_counter()
            if complained := complaints_of(batch, ["amd64"]):
                raise BenchFailed(f"dpkg or apt complains of {len(complained)} packages: {complained}")
            return perf_counter() - began

        runs = repeated(ask, times=_RUNS)
        detail = {"runs": runs.seconds, "milliseconds_a_package": 1000 * runs.median / count}
        figure = f"dpkg's and apt's word at intake, {count:,} packages in a batch"
        yield Row(figure, "seconds", runs.median, None, {}, detail)


def _offered(deb: TinyDeb) -> Offered:
    record = record_of(deb)
    return Offered(record.package_name, record.version, record.architecture, record.control, stanza_of(record))
