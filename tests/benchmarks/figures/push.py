"""A machine pushes: how long until clients see it, beside aptly's REST API, and what processes grow by meanwhile."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from statistics import median
from time import perf_counter

from tests.benchmarks.aptly_api import aptly_api
from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.peers import Aptly
from tests.benchmarks.processes import BenchFailed, growth_watched, say
from tests.benchmarks.product import Product, product
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.same_packages import check_same
from tests.benchmarks.tiny_debs import TinyDeb, make_large_deb

_MEGABYTE = 1_000_000
_SECONDS = 1
_MEGABYTES = 50
_RUNS, _WARM_UP = 5, 2
_FIRST = 20
"""Of the packages to add, which other figures take from the beginning."""


def measure_visible(bench: Bench) -> Iterator[Row]:
    """Give the time from the first byte of a push to the last of the Release that shows it, fetched by a client."""
    count, aptly = bench.sizes.most, bench.aptly(bench.sizes.most)
    debs = bench.to_add[_FIRST : _FIRST + _WARM_UP + _RUNS]
    with bench.ours(count) as ours:
        ours.configure([*aptly.more, *debs], **GZ_AND_XZ)
        ours.run("publish_each", debs=paths(aptly.more))
        say(f"push one, {count:,} packages: ours")
        with product(ours) as served:
            runs = [_timed(partial(_push, served, deb)) for deb in debs][_WARM_UP:]
        say(f"push one, {count:,} packages: {aptly.name}")
        with aptly_api(aptly, bench.scratch / "aptly-api.log") as api:
            theirs = [_timed(partial(api.publish_one, deb)) for deb in debs][_WARM_UP:]
        listed = check_same(ours, [aptly])
    figure = f"push by HTTP until a client sees it, N = {count:,}"
    detail = {"runs": runs, "aptly_runs": theirs, "listed_by_both": listed}
    yield Row(figure, "seconds", median(runs), Goal(_SECONDS), {f"{aptly.name}'s API": median(theirs)}, detail)


def _push(served: Product, deb: TinyDeb) -> None:
    [publication] = served.push(deb)["publications"]
    if hashlib.sha256(served.release()).hexdigest() != publication["release_sha256"]:
        raise BenchFailed(f"{deb.path.name} is said to be shown by another Release than clients see.")


def _timed(work: Callable[[], None]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def measure_memory(bench: Bench) -> Iterator[Row]:
    """Give what our processes grow by while a large package is pushed and taken in, and aptly's while it is sent."""
    size = bench.sizes.pushed_bytes
    what = f"push of a .deb of {size // _MEGABYTE:,} MB"
    say(f"making three .deb files of {size // _MEGABYTE:,} MB")
    folder = bench.folder("pushed-files")
    plain, form, parts = (make_large_deb(folder, f"large-{how}", "1.0", size) for how in ("plain", "form", "parts"))
    small, other = bench.to_add[0], bench.to_add[1]
    ours = OurRepository(bench.folder("ours") / "pushed")
    # Of so large a file not all members are looked at, which a person is to know of, or to allow before.
    ours.configure([plain, form, parts, small, other], allow=["setuid"], **GZ_AND_XZ)
    ours.run("empty")
    aptly = Aptly(bench.scratch / "pushed-aptly", bench.key)
    aptly.create()
    with aptly_api(aptly, bench.scratch / "pushed-aptly.log") as api:
        api.send(small)
        say(f"{what}: {aptly.name}")
        with growth_watched(api.pid) as grown:
            api.send(form)
        theirs = {f"{aptly.name}'s API": grown() / _MEGABYTE}
    with product(ours) as served:
        served.push(small)
        served.push_form(other)
        say(f"{what}: ours")
        yield from _grown(served, f"{what}, as curl -T sends it", lambda: served.push(plain), {})
        yield from _grown(served, f"{what}, in a form", lambda: served.push_form(form), theirs)
        yield from _grown(served, f"{what}, in parts by repomgr push", lambda: served.push_by_client(parts), {})


def _grown(served: Product, figure: str, push: Callable[[], object], peers: dict[str, float]) -> Iterator[Row]:
    with ExitStack() as watched:
        web = watched.enter_context(growth_watched(served.web))
        workers = [watched.enter_context(growth_watched(pid)) for pid in served.workers]
        push()
    yield Row(f"{figure}: growth of the web process", "MB", web() / _MEGABYTE, Goal(_MEGABYTES), peers)
    most = max(grown() for grown in workers)
    yield Row(f"{figure}: growth of the worker that takes it in", "MB", most / _MEGABYTE, Goal(_MEGABYTES))
