"""Which packages could not be installed any more after a move, as the publication that follows will look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from packages_app.core.record import TableKey
from packages_app.core.repository import Suite
from packages_app.debian.debcheck import SolverFailed
from packages_app.indexes.packages import Placed, place, plan_of
from packages_app.publishing.placed_cache import PlacedCache
from packages_app.publishing.whole_draft import collect_known
from packages_app.services import adapters
from packages_app.services.lifecycle.steps import Step
from packages_app.services.publication.base_suites import install_check

_SECONDS = 20.0
"""A person waits for it."""
_NAMED = 50


def broken_by_steps(steps: Sequence[Step]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the first packages that a move makes uninstallable, a line each, and why nobody knows it of a suite.

    Only suites are looked at that ask for it, and that a version comes into or leaves.
    """
    broken: list[str] = []
    unasked: list[str] = []
    moved = {suite for step in steps for suite in set(step.record.suites) ^ set(step.suites)}
    for suite in filter(None, map(adapters.repository().suite, sorted(moved))):
        check = install_check(suite, seconds=_SECONDS, fetch=False)
        if check is None:
            continue
        before = _placed_in(suite)
        after = _moved(suite, before, steps)
        try:
            found = check.newly_broken(suite, partial(_write, suite, before), partial(_write, suite, after))
        except SolverFailed as error:
            unasked.append(f"{suite.name}: {error}")
            continue
        broken += [f"{suite.name}: {name}: {why}" for name, why in found.items()]
    return tuple(broken[:_NAMED]), tuple(unasked)


def _placed_in(suite: Suite) -> dict[TableKey, Placed]:
    cache = PlacedCache(adapters.shard_cache().cache)
    documents = adapters.package_table().documents_of(suite.name)
    return {one.entry.key: one for one in collect_known(suite, documents, cache).placed}


def _moved(suite: Suite, before: Mapping[TableKey, Placed], steps: Iterable[Step]) -> dict[TableKey, Placed]:
    """Return what a suite shows after the steps."""
    after = dict(before)
    for step in steps:
        after.pop(step.record.key, None)
        if suite.name in step.suites:
            placed = place(suite, step.record)
            if isinstance(placed, Placed):
                after[step.record.key] = placed
    return after


def _write(suite: Suite, placed: Mapping[TableKey, Placed], architecture: str, folder: Path) -> list[Path]:
    plan, wanted = plan_of(suite), f"/binary-{architecture}"
    target = folder / "Packages"
    with target.open("wb") as out:
        for one in placed.values():
            if any(name.endswith(wanted) for name in plan.folders_of(one)):
                out.write(one.entry.stanza)
    return [target]
