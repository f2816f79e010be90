"""A draft made of what changed since the published Release: its cost is that of the change.

See docs/ARCHITECTURE.md, Promises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packages_app.core.ports import Change, ObjectStore, PackageTable
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.repository import Suite
from packages_app.core.version import is_version
from packages_app.indexes.compression import GZIP, PLAIN
from packages_app.indexes.entry import IndexEntry, Order, order_of
from packages_app.indexes.packages import LeftOut, Placed, folders_of, index_folders, patch_folder, place
from packages_app.indexes.pdiff import Content
from packages_app.indexes.release import Release
from packages_app.indexes.shards import Shard, edit
from packages_app.publishing.contents import ShardedContents
from packages_app.publishing.diffs import Diff, State, diffs_to, write_diffs
from packages_app.publishing.draft import Draft
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.index_splicer import splice_index
from packages_app.publishing.index_writer import WrittenIndex
from packages_app.publishing.published_index import PublishedIndex
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.shard_list import ShardList

MOST_CHANGES = 5000
"""With more marks than this, reading the whole table is not dearer."""


@dataclass(frozen=True)
class Base:
    """A published Release that shows all of the table but for `changes`, and what its indexes are made of."""

    release: Release
    shards: ShardList
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class _Found:
    """What the table says now of the records that are marked."""

    placed: dict[TableKey, Placed]
    left_out: tuple[LeftOut, ...]
    gone: frozenset[TableKey]


def change_draft(
    folder: Path, suite: Suite, base: Base, table: PackageTable, bucket: ObjectStore, cache: ShardCache
) -> Draft:
    """Make the draft; the records that are marked are read once more, consistently.

    Raises `ObjectNotFound` and `CandidateRefused` when the published indexes can't be built upon, and as `entry_of`.
    """
    keys = sorted({change.key for change in base.changes})
    records = table.get_many(keys)
    found = _look_up(suite, keys, records)
    published = {
        index: PublishedIndex(bucket, suite, index, base.release.entries, base.shards.indexes[index])
        for index in index_folders(suite)
    }
    edited = {
        index: edit(one.shards, _edits_of(suite, index, keys, found), partial(one.text_of, cache=cache))
        for index, one in published.items()
    }
    written = {index: splice_index(folder, suite, one, edited[index].parts, cache) for index, one in published.items()}
    before: set[TableKey] = set().union(*(one.before for one in edited.values()))
    now = set(found.placed)
    packages = base.shards.packages + len(now - before) - len(before - now)
    files = [file for one in written.values() for file in one.files]
    diffs: dict[str, tuple[Diff, ...]] = {}
    patches: list[IndexFile] = []
    for index, one in written.items() if packages > suite.pdiff_above else ():
        diffs[index], listing, made = _patched(folder, suite, base, published[index], one, cache)
        files, patches = [*files, *listing], [*patches, *made]
    shards = ShardList(
        base.shards.shape,
        packages,
        _left_out(base, found),
        {index: one.shards for index, one in written.items()},
        diffs,
    )
    return Draft(
        whole=False,
        changes=base.changes,
        read=len(records),
        files=tuple(files),
        shards=shards,
        contents=_contents(suite, shards, files, bucket, cache),
        added=tuple(sorted(now - before)),
        removed=tuple(sorted(before - now)),
        vanished=tuple(sorted((before - now) & found.gone)),
        patches=tuple(patches),
        new_files={found.placed[key].pool_path: found.placed[key].file_size for key in now - before},
        left_out=found.left_out,
        included=tuple(sorted(now)),
    )


def _look_up(suite: Suite, keys: Sequence[TableKey], records: dict[TableKey, PackageRecord]) -> _Found:
    placed: dict[TableKey, Placed] = {}
    left_out = []
    for key, record in records.items():
        if suite.name in record.suites:
            found = place(suite, record)
            if isinstance(found, LeftOut):
                left_out.append(found)
            else:
                placed[key] = found
    return _Found(placed, tuple(left_out), frozenset(keys) - frozenset(records))


def _edits_of(suite: Suite, index: str, keys: Iterable[TableKey], found: _Found) -> dict[Order, IndexEntry | None]:
    """Give what is to stand at the place of each changed record in one index."""
    edits: dict[Order, IndexEntry | None] = {}
    for package_id, architecture in keys:
        name, _, version = package_id.partition("#")
        if is_version(version):  # no index carries others
            placed = found.placed.get((package_id, architecture))
            here = placed is not None and index in folders_of(suite, placed)
            edits[order_of(name, version, architecture)] = placed.entry if placed is not None and here else None
    return edits


def _patched(
    folder: Path, suite: Suite, base: Base, published: PublishedIndex, written: WrittenIndex, cache: ShardCache
) -> tuple[tuple[Diff, ...], tuple[IndexFile, ...], tuple[IndexFile, ...]]:
    """Give an index's diffs, the files of the Index that lists their patches, and those of the patches."""
    index, kept = published.folder, base.shards.diffs.get(published.folder, ())
    entry = written.plain
    old_entry = published.entry(PLAIN)
    listed = [f"{patch_folder(index)}/Index{ending}" for ending in (PLAIN, GZIP)]
    if entry == old_entry and all(name in base.release.entries for name in listed):
        return kept, tuple(IndexFile(name, base.release.entries[name], None) for name in listed), ()
    shards = {shard.sha256: shard for shard in published.shards}

    def text_of(sha256: str) -> bytes:
        known = written.texts.get(sha256)
        return known if known is not None else published.text_of(shards[sha256], cache)

    new = State(Content(entry.sha256, entry.size), written.shards)
    old = State(Content(old_entry.sha256, old_entry.size), published.shards)
    diffs = diffs_to(new, old, kept, text_of, suite.pdiff_history)
    return diffs, *write_diffs(folder, index, new.content, diffs)


def _left_out(base: Base, found: _Found) -> tuple[LeftOut, ...]:
    """Give what is left out of the suite now, by its keys."""
    changed = {change.key for change in base.changes}
    stay = (item for item in base.shards.left_out if (item.package_id, item.architecture) not in changed)
    return tuple(sorted((*stay, *found.left_out), key=lambda item: (item.package_id, item.architecture)))


def _contents(
    suite: Suite, shards: ShardList, files: Iterable[IndexFile], bucket: ObjectStore, cache: ShardCache
) -> ShardedContents:
    """Give what the suite shows when the files are published."""
    entries = {file.name: file.entry for file in files}
    new = {index: PublishedIndex(bucket, suite, index, entries, listed) for index, listed in shards.indexes.items()}
    texts: dict[str, bytes] = {}  # of the few shards that are asked for, some more than once

    def text_of(index: str, shard: Shard) -> bytes:
        if shard.sha256 not in texts:
            texts[shard.sha256] = new[index].text_of(shard, cache)
        return texts[shard.sha256]

    return ShardedContents(shards.packages, shards.indexes, text_of)
