"""A draft made of what changed since the published Release: its cost is that of the change.

See docs/ARCHITECTURE.md, Promises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packages_app.core.at_once import at_once, both_at_once
from packages_app.core.ports import ObjectStore, PendingChange
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.repository import Suite
from packages_app.core.version import is_version
from packages_app.indexes.compression import GZIP, UNCOMPRESSED
from packages_app.indexes.entry import IndexEntry, SortKey, order_of
from packages_app.indexes.packages import LeftOut, Placed, patch_folder, place, plan_of
from packages_app.indexes.pdiff import Content
from packages_app.indexes.release import Release
from packages_app.indexes.shards import Shard, edit
from packages_app.publishing.contents import ShardedContents
from packages_app.publishing.diffs import Patched, State, diffs_to, patched_indexes, write_diffs
from packages_app.publishing.draft import Draft
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.index_splicer import splice_index
from packages_app.publishing.index_writer import WrittenIndex
from packages_app.publishing.published_index import PublishedIndex
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.shard_list import ShardList

MOST_CHANGES = 5000
"""With more pending changes than this, reading the whole suite is not dearer."""

Readable = Callable[[Suite, Sequence[Placed]], tuple[list[Placed], list[LeftOut]]]
"""Tells entries that clients can read from those that they can't."""


@dataclass(frozen=True)
class Baseline:
    """A published Release that shows all of the table but for `changes`, and what its indexes are made of.

    `records` are those of the changes as they are now, where they still are.
    """

    release: Release
    shards: ShardList
    changes: tuple[PendingChange, ...]
    records: Mapping[TableKey, PackageRecord]


@dataclass(frozen=True)
class _PendingRecords:
    """What the table says now of the records with pending changes."""

    placed: dict[TableKey, Placed]
    left_out: tuple[LeftOut, ...]
    gone: frozenset[TableKey]


def change_draft(
    folder: Path,
    suite: Suite,
    baseline: Baseline,
    bucket: ObjectStore,
    cache: ShardCache,
    readable: Readable | None = None,
) -> Draft:
    """Make the draft of the baseline's records, those with pending changes, as they are now.

    `readable` tells of changed entries which of them clients can read; without it all can. Raise `ObjectNotFound` and
    `CandidateRefused` when the published indexes can't be built upon, and as `entry_of`.
    """
    keys = sorted({change.key for change in baseline.changes})
    found = _look_up(suite, keys, baseline.records, readable)
    published = _published(suite, baseline, bucket)
    renewed, in_pool = _renewed_all(folder, published, keys, found, bucket, cache)
    written = {index: new for index, (new, _) in renewed.items()}
    before: set[TableKey] = set().union(*(had for _, had in renewed.values()))
    now = set(found.placed)
    new_files = {found.placed[key].pool_path: found.placed[key].file_size for key in now - before}
    packages = baseline.shards.packages + len(now - before) - len(before - now)

    def patched(index: str, one: WrittenIndex) -> Patched:
        return _patched(folder, suite, baseline, published[index], one, cache)

    patches, files = patched_indexes(suite, packages, written, patched)
    shards = ShardList(
        baseline.shards.shape,
        packages,
        _left_out(baseline, found),
        {index: one.shards for index, one in written.items()},
        {index: one.diffs for index, one in patches.items()},
    )
    return Draft(
        whole=False,
        changes=baseline.changes,
        read=len(baseline.records),
        files=files,
        shards=shards,
        contents=_contents(suite, shards, files, bucket, cache),
        added=tuple(sorted(now - before)),
        removed=tuple(sorted(before - now)),
        vanished=tuple(sorted((before - now) & found.gone)),
        patches=tuple(file for one in patches.values() for file in one.patches),
        new_files=new_files,
        left_out=found.left_out,
        included=tuple(sorted(now)),
        missing=tuple(sorted(set(new_files) - set(in_pool))),
    )


def _published(suite: Suite, baseline: Baseline, bucket: ObjectStore) -> dict[str, PublishedIndex]:
    release, shards = baseline.release, baseline.shards
    return {
        index: PublishedIndex(bucket, suite, index, release.entries, shards.indexes[index])
        for index in plan_of(suite).folders
    }


def _renewed_all(
    folder: Path,
    published: Mapping[str, PublishedIndex],
    keys: Sequence[TableKey],
    found: _PendingRecords,
    bucket: ObjectStore,
    cache: ShardCache,
) -> tuple[dict[str, tuple[WrittenIndex, frozenset[TableKey]]], dict[str, int]]:
    """Return what `_renewed` gives of each index; and the sizes of the records' files, as far as the pool has them.

    The store is asked for these while it sends the indexes.
    """
    renew = [partial(_renewed, folder, one, keys, found, cache) for one in published.values()]
    paths = {placed.pool_path for placed in found.placed.values()}
    renewed, in_pool = both_at_once(
        partial(at_once, renew, bucket.at_once), partial(bucket.sizes_of, paths), bucket.at_once
    )
    return dict(zip(published, renewed, strict=True)), in_pool


def _renewed(
    folder: Path, published: PublishedIndex, keys: Sequence[TableKey], found: _PendingRecords, cache: ShardCache
) -> tuple[WrittenIndex, frozenset[TableKey]]:
    """Return an index with what was found of the records of some keys, and which of these it had before."""
    edits = _edits_of(published.suite, published.folder, keys, found)
    edited = edit(published.shards, edits, partial(published.text_of, cache=cache))
    return splice_index(folder, published.suite, published, edited.parts, cache), edited.before


def _look_up(
    suite: Suite, keys: Sequence[TableKey], records: Mapping[TableKey, PackageRecord], readable: Readable | None
) -> _PendingRecords:
    placed: dict[TableKey, Placed] = {}
    left_out: list[LeftOut] = []
    for key, record in records.items():
        if suite.name in record.suites:
            found = place(suite, record)
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                placed[key] = found
    if readable is not None:
        kept, unreadable = readable(suite, list(placed.values()))
        placed, left_out = {one.entry.key: one for one in kept}, [*left_out, *unreadable]
    return _PendingRecords(placed, tuple(left_out), frozenset(keys) - frozenset(records))


def _edits_of(
    suite: Suite, index: str, keys: Iterable[TableKey], found: _PendingRecords
) -> dict[SortKey, IndexEntry | None]:
    """Return what is to stand at the place of each changed record in one index."""
    plan = plan_of(suite)
    edits: dict[SortKey, IndexEntry | None] = {}
    for package_id, built_for in keys:
        name, _, version = package_id.partition("#")
        if is_version(version):  # no index carries others
            placed = found.placed.get((package_id, built_for))
            here = placed is not None and index in plan.folders_of(placed)
            edits[order_of(name, version, built_for)] = placed.entry if placed is not None and here else None
    return edits


def _patched(
    folder: Path, suite: Suite, baseline: Baseline, published: PublishedIndex, written: WrittenIndex, cache: ShardCache
) -> Patched:
    index, kept = published.folder, baseline.shards.diffs.get(published.folder, ())
    entry = written.plain
    old_entry = published.entry(UNCOMPRESSED)
    listed = [f"{patch_folder(index)}/Index{ending}" for ending in (UNCOMPRESSED, GZIP)]
    if entry == old_entry and all(name in baseline.release.entries for name in listed):
        return Patched(kept, tuple(IndexFile(name, baseline.release.entries[name], None) for name in listed))
    shards = {shard.sha256: shard for shard in published.shards}

    def text_of(sha256: str) -> bytes:
        known = written.texts.get(sha256)
        return known if known is not None else published.text_of(shards[sha256], cache)

    new = State(Content(entry.sha256, entry.size), written.shards)
    old = State(Content(old_entry.sha256, old_entry.size), published.shards)
    diffs = diffs_to(new, old, kept, text_of, suite.pdiff_history)
    return Patched(diffs, *write_diffs(folder, index, new.content, diffs))


def _left_out(baseline: Baseline, found: _PendingRecords) -> tuple[LeftOut, ...]:
    """Return what is left out of the suite now, by its keys."""
    changed = {change.key for change in baseline.changes}
    stay = (item for item in baseline.shards.left_out if (item.package_id, item.architecture) not in changed)
    return tuple(sorted((*stay, *found.left_out), key=lambda item: (item.package_id, item.architecture)))


def _contents(
    suite: Suite, shards: ShardList, files: Iterable[IndexFile], bucket: ObjectStore, cache: ShardCache
) -> ShardedContents:
    """Return what the suite shows when the files are published."""
    entries = {file.name: file.entry for file in files}
    new = {index: PublishedIndex(bucket, suite, index, entries, listed) for index, listed in shards.indexes.items()}
    texts: dict[str, bytes] = {}  # of the few shards that are asked for, some more than once

    def text_of(index: str, shard: Shard) -> bytes:
        if shard.sha256 not in texts:
            texts[shard.sha256] = new[index].text_of(shard, cache)
        return texts[shard.sha256]

    return ShardedContents(shards.packages, shards.indexes, text_of)
