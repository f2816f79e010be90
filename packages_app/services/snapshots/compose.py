"""Snapshots merged of others, or filtered by a query: looked at first, then made."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import structlog

from packages_app.core.batches import batches_of
from packages_app.core.errors import CandidateRefused, NothingPublished, ObjectNotFound
from packages_app.core.history_errors import ContentsGone
from packages_app.core.ports import Progress
from packages_app.core.record import TableKey, named_key
from packages_app.core.snapshot import MARK, SnapshotIncomplete, SnapshotRefused, checked_id, snapshot_folder
from packages_app.core.suite_change import SuiteChange
from packages_app.indexes.packages import Placed
from packages_app.models import Package
from packages_app.publishing.difference import Difference, difference
from packages_app.publishing.snapshot_parts import Part, Recipe, Way, merged, placed_in, written_snapshot
from packages_app.publishing.snapshots import Snapshot, packages_in
from packages_app.services import adapters
from packages_app.services.mirror.selection import select_packages
from packages_app.services.publication.requests import known_suite
from packages_app.services.snapshots.parts import as_argument, part_again, part_named
from packages_app.services.snapshots.snapshots import maker_of
from packages_app.stores.pool_files import missing_or_other

LONGEST_QUERY = 1000
"""Characters: it stands in the snapshot's Release."""
_BATCH = 500
_NAMED = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PlannedSnapshot:
    """A snapshot that is to be made: what it holds, in index order, and what is lost of its parts, with why."""

    recipe: Recipe
    placed: tuple[Placed, ...]
    lost: tuple[str, ...]

    @property
    def folder(self) -> str:
        """What it is called as a suite of its own."""
        return snapshot_folder(self.recipe.suite, self.recipe.name)

    @cached_property
    def seen(self) -> Difference:
        """Return what clients of the first part see that pin this one in its place."""
        return self._seen_from(self.recipe.parts[0])

    @cached_property
    def seen_now(self) -> Difference:
        """Return what clients of the suite see that pin it in place of what the suite shows now."""
        try:
            return self._seen_from(part_named(self.recipe.suite))
        except NothingPublished:
            return difference((), self._keys)

    @property
    def _keys(self) -> set[TableKey]:
        return {one.entry.key for one in self.placed}

    def _seen_from(self, part: Part) -> Difference:
        before = {entry.key for entry in packages_in(adapters.bucket(), part.folder, part.release)}
        return difference(before, self._keys)


def recipe_of(name: str, parts: Sequence[str], way: str = "", query: str = "") -> Recipe:
    """Return what a person asks for: a snapshot `SUITE/ID`, or `ID` of the first part's suite, made of these parts.

    Raise `SnapshotRefused` for what can't be, `PackageRefused` for an unknown suite, `QueryRefused`, and as
    `part_named`.
    """
    query = query.strip()
    if len(query) > LONGEST_QUERY:
        raise SnapshotRefused(
            f"The query has {len(query)} characters, and stands in the snapshot's Release.",
            remedy=f"Write it in {LONGEST_QUERY}, or filter twice.",
        )
    if query:
        select_packages(query)
    found = tuple(part_named(part) for part in parts)
    try:
        chosen = Way(way or Way.NEWEST) if len(found) > 1 else Way.ALL
    except ValueError:
        raise SnapshotRefused(f"{way[:80]!r} is no way to merge.", remedy=f"Use {', '.join(Way)}.") from None
    if not found:
        raise SnapshotRefused("Nothing is named that it is to be made of.", remedy="Name a snapshot, or a suite.")
    suite, _, own = name.strip().rpartition("/")
    suite = suite.removesuffix(f"/{MARK}") or found[0].suite
    return Recipe(known_suite(suite).name, checked_id(own), found, chosen, query)


def as_arguments(recipe: Recipe) -> dict[str, Any]:
    """Return a recipe as a job's row keeps it, beside suite and snapshot."""
    return {"parts": [as_argument(part) for part in recipe.parts], "way": str(recipe.way), "query": recipe.query}


def plan_snapshot(recipe: Recipe) -> PlannedSnapshot:
    """Return what a snapshot would hold; nothing is made.

    What was purged is lost, and of a filter what has no record any more. Raise `SnapshotRefused` where it would hold
    nothing, or a version twice, `SnapshotIncomplete` where pool files are gone that nobody purged, `ContentsGone`.
    """
    parts = [_placed(part) for part in recipe.parts]
    placed, lost = _filtered(recipe.query, merged(parts, recipe.way))
    kept, purged = _without_purged(placed)
    if not kept:
        raise SnapshotRefused(
            f"The snapshot {recipe.name} of suite {recipe.suite} would hold no package.",
            remedy="Name other parts, or another query; manage.py packages QUERY says what one selects.",
        )
    gone = missing_or_other(adapters.bucket(), {one.pool_path: one.file_size for one in kept})
    if gone:
        more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        raise SnapshotIncomplete(
            f"{len(gone)} pool files are gone: {', '.join(gone[:_NAMED])}{more}.",
            remedy="verify_repository --repair mends what can be; or leave these packages out by a query.",
        )
    return PlannedSnapshot(recipe, tuple(kept), (*lost, *purged))


def compose_snapshot(
    suite_name: str, name: str, said: dict[str, Any], progress: Progress, *, reason: str = ""
) -> tuple[Snapshot, PlannedSnapshot]:
    """Make the snapshot that a job's row says (`as_arguments`); return it, and what it was to hold.

    Raise as `plan_snapshot`, `SnapshotExists`, `LeaseBusy`, and the errors of table and store. Safe to repeat.
    """
    suite, repository = known_suite(suite_name), adapters.repository()
    with maker_of(suite.name, progress) as (maker, confirm), adapters.bucket().draft_folder() as folder:
        parts = tuple(map(part_again, said["parts"]))
        recipe = Recipe(suite.name, name, parts, Way(said["way"]), said["query"])
        progress.step("look at what it holds", recipe.told)
        planned = plan_snapshot(recipe)
        text, files = written_snapshot(
            Path(folder), repository, suite, recipe, planned.placed, adapters.shard_cache(), reason
        )
        snapshot = maker.put(suite.name, name, text, files)
        confirm()
    for lost in planned.lost:
        progress.note(f"lost: {lost}", level="warning")
    log.info("snapshot_composed", suite=suite.name, snapshot=name, of=recipe.told, packages=len(planned.placed))
    return snapshot, planned


def _placed(part: Part) -> list[Placed]:
    try:
        return placed_in(adapters.bucket(), part)
    except (ObjectNotFound, CandidateRefused) as error:
        raise ContentsGone(f"What {part} held can't be read: {error.message}", remedy="Take another one.") from error


def _filtered(query: str, part: Sequence[Placed]) -> tuple[list[Placed], list[str]]:
    """Return what a query selects of these, in their order, and what has no record that one could be asked of."""
    if not query:
        return list(part), []
    wanted = set(select_packages(query).record_keys())
    known = set(Package.objects.order_by().record_keys())
    lost: list[str] = []
    for some in batches_of((one.entry.key for one in part if one.entry.key not in known), _BATCH):
        records, purged = adapters.package_table().look_up(some)
        lost += [_told(key, records, purged) for key in some]
    return [one for one in part if one.entry.key in wanted], lost


def _without_purged(placed: Iterable[Placed]) -> tuple[list[Placed], list[str]]:
    """Return what is not purged, and the names of what is."""
    kept: list[Placed] = []
    lost: list[str] = []
    for some in batches_of(placed, _BATCH):
        _, purged = adapters.package_table().look_up([one.entry.key for one in some])
        kept += [one for one in some if one.entry.key not in purged]
        lost += [_told(one.entry.key, (), purged) for one in some if one.entry.key in purged]
    return kept, lost


def _told(key: TableKey, records: Container[TableKey], purged: Mapping[TableKey, SuiteChange]) -> str:
    if key in purged:
        return f"{named_key(key)}: it was purged on {purged[key].when[:10]}"
    if key in records:
        return f"{named_key(key)}: the mirror has no row of it yet"
    return f"{named_key(key)}: it has no record any more"
