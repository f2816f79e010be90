"""Publish one package: upload accepted to InRelease switched, in a growing repository, beside the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from statistics import median
from typing import Any

from tests.benchmarks.bench import Bench
from tests.benchmarks.ours import GZ_AND_XZ, OurRepository, paths
from tests.benchmarks.processes import say
from tests.benchmarks.rows import Goal, Row
from tests.benchmarks.same_packages import check_same, check_with_apt

_SECONDS = (0.1, 0.2, 0.5)
_GROWTH = 5
_OF_APTLY = 15
_RUNS = 3


def measure(bench: Bench) -> Iterator[Row]:
    """Give a row for each size, those that compare them, and what it takes besides when apt reads the candidate."""
    rows = []
    for count, seconds in zip(bench.sizes.steps, _SECONDS, strict=True):
        rows.append(_beside_the_others(bench, count, Goal(seconds)))
        yield rows[-1]
    first, last = rows[0], rows[-1]
    sizes = f"N = {bench.sizes.steps[0]:,} to {bench.sizes.most:,}"
    if first.ours and last.ours:
        aptly = last.peers["aptly"] / last.ours
        yield Row(f"aptly's time over ours, N = {bench.sizes.most:,}", "times", aptly, Goal(_OF_APTLY, at_least=True))
        growth = {peer: last.peers[peer] / first.peers[peer] for peer in first.peers}
        yield Row(f"growth of publish one, {sizes}", "times", last.ours / first.ours, Goal(_GROWTH), growth)
    yield _read_by_apt(bench, "auto", "apt reads candidates that are made as a whole (APT_CHECK=auto)")
    yield _read_by_apt(bench, "required", "apt reads every candidate (APT_CHECK=required)")


def _beside_the_others(bench: Bench, count: int, goal: Goal) -> Row:
    """Let each add the same packages, and compare what they list before the times are worth anything."""
    peers, added = bench.peers(count), bench.peers(count).added
    fresh = [deb for deb in bench.to_add if deb not in added][:_RUNS]
    theirs = {}
    with bench.ours(count) as ours:
        say(f"publish one, {count:,} packages: ours")
        ours.configure([*added, *fresh], **GZ_AND_XZ)
        answer = ours.run("publish_each", debs=paths([*added, *fresh]), warm_up=len(added))
        for peer in peers.all:
            say(f"publish one, {count:,} packages: {peer.name}")
            theirs[peer.name] = median([peer.publish_one(deb) for deb in fresh])
        added += fresh
        listed = check_same(ours, peers.all)
        if count == bench.sizes.most:
            check_with_apt(ours, bench.scratch / "apt")
    row = _row(f"publish one, N = {count:,} (gz + xz)", answer, goal)
    return replace(row, peers=theirs, detail={**row.detail, "packages": count, "listed_by_all": listed})


def _read_by_apt(bench: Bench, choice: str, what: str) -> Row:
    """Measure with another APT_CHECK, for information."""
    count = bench.sizes.most
    debs = bench.to_add[: _RUNS + 1]
    with bench.ours(count) as copy:
        ours = OurRepository(copy.home, {**copy.settings, "APT_CHECK": choice})
        ours.configure(debs, **GZ_AND_XZ)
        answer = ours.run("publish_each", debs=paths(debs), warm_up=1)
    return _row(f"publish one, N = {count:,}, {what}", answer, None)


def _row(figure: str, answer: dict[str, Any], goal: Goal | None) -> Row:
    """Make a row of the median run, with where its time went."""
    runs = sorted(answer["runs"], key=lambda run: run["seconds"])
    middle = runs[len(runs) // 2]
    seconds = [round(run["seconds"], 4) for run in runs]
    return Row(figure, "seconds", middle["seconds"], goal, detail={"runs": seconds, "steps": middle["steps"]})
