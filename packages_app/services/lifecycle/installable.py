"""Which packages could not be installed any more after a move, as the publication that follows will look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from packages_app.core.record import PackageRecord, TableKey
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


Broken = tuple[tuple[str, ...], tuple[str, ...]]
"""The first packages that can't be installed any more, a line each, and why nobody knows it of a suite."""


def broken_by_steps(steps: Sequence[Step]) -> Broken:
    """Return what a move makes uninstallable in suites that ask for it, and that a version comes into or leaves."""
    broken: list[str] = []
    unasked: list[str] = []
    moved = {suite for step in steps for suite in set(step.record.suites) ^ set(step.suites)}
    for suite in filter(None, map(adapters.repository().suite, sorted(moved))):
        leaving = [step.record.key for step in steps if suite.name not in step.suites]
        coming = [step.record for step in steps if suite.name in step.suites]
        found = broken_in(suite, leaving, coming)
        broken += found[0]
        unasked += found[1]
    return tuple(broken[:_NAMED]), tuple(unasked)


def broken_in(suite: Suite, leaving: Iterable[TableKey], coming: Iterable[PackageRecord]) -> Broken:
    """Return what becomes uninstallable in a suite, where it asks for it, when packages leave it and others come."""
    check = install_check(suite, seconds=_SECONDS, fetch=False)
    if check is None:
        return (), ()
    before = _placed_in(suite)
    after = dict(before)
    for key in leaving:
        after.pop(key, None)
    for record in coming:
        after.pop(record.key, None)
        placed = place(suite, record)
        if isinstance(placed, Placed):
            after[record.key] = placed
    try:
        found = check.newly_broken(suite, partial(_write, suite, before), partial(_write, suite, after))
    except SolverFailed as error:
        return (), (f"{suite.name}: {error} ({error.code})",)
    return tuple(f"{suite.name}: {name}: {why}" for name, why in found.broken.items())[:_NAMED], ()


def _placed_in(suite: Suite) -> dict[TableKey, Placed]:
    cache = PlacedCache(adapters.shard_cache().cache)
    documents = adapters.package_table().documents_of(suite.name)
    return {one.entry.key: one for one in collect_known(suite, documents, cache).placed}


def _write(suite: Suite, placed: Mapping[TableKey, Placed], architecture: str, folder: Path) -> list[Path]:
    plan, wanted = plan_of(suite), f"/binary-{architecture}"
    target = folder / "Packages"
    with target.open("wb") as out:
        for one in placed.values():
            if any(name.endswith(wanted) for name in plan.folders_of(one)):
                out.write(one.entry.stanza)
    return [target]
