"""A draft made of every record of a suite: the first, after a change of shape, and whenever it is asked for."""

from __future__ import annotations

import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from packages_app.core.caution import cautions_of, may_have_cautions
from packages_app.core.document import record_in
from packages_app.core.ports import PendingChange
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.repository import Suite
from packages_app.indexes.packages import LeftOut, Placed, plan_of, sorted_out, split_complete
from packages_app.indexes.pdiff import Content
from packages_app.indexes.release import ReleaseEntry
from packages_app.publishing.contents import ListedContents
from packages_app.publishing.diffs import Diff, Patched, patched_indexes, write_diffs
from packages_app.publishing.draft import Draft
from packages_app.publishing.index_writer import WrittenIndex, write_index
from packages_app.publishing.placed_cache import PlacedCache
from packages_app.publishing.published import PublishedPackages
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.shard_list import ShardList, shape_of


@dataclass(frozen=True)
class Collected:
    """What the table says of a suite: entries in index order, what is left out, and how many records were read."""

    placed: tuple[Placed, ...]
    left_out: tuple[LeftOut, ...]
    read: int


@dataclass(frozen=True)
class Before:
    """What clients see now: pool files by the keys of packages, the indexes by name, and their diffs by folder.

    `packages` reads the published indexes, which is needed only where they are not those made anew; `withdrawn` tells
    of keys which of them have a record that is not in this suite. What is not `proven` to be ours says nothing of the
    pool.
    """

    packages: Callable[[], PublishedPackages] = PublishedPackages
    withdrawn: Callable[[Collection[TableKey]], Collection[TableKey]] = frozenset
    entries: Mapping[str, ReleaseEntry] = field(default_factory=dict)
    diffs: Mapping[str, tuple[Diff, ...]] = field(default_factory=dict)
    proven: bool = True


def collect(suite: Suite, records: Iterable[PackageRecord]) -> Collected:
    """Sort out every record of a suite."""
    with nothing_is_garbage():
        return _collected(*split_complete(suite, records))


def collect_known(suite: Suite, documents: Iterable[bytes], known: PlacedCache) -> Collected:
    """Sort out every record of a suite by its document; of those that are known nothing is made anew."""
    with nothing_is_garbage():
        return _collected(*sorted_out(known.place_all(suite, documents)))


def noticed(documents: Iterable[bytes], cautioned: list[PackageRecord]) -> Iterator[bytes]:
    """Yield documents, and put the records among them that keep cautions into a list on the way."""
    for document in documents:
        if may_have_cautions(document) and cautions_of(record := record_in(document)):
            cautioned.append(record)
        yield document


def _collected(placed: Sequence[Placed], left_out: Sequence[LeftOut]) -> Collected:
    return Collected(tuple(placed), tuple(left_out), len(placed) + len(left_out))


@contextmanager
def nothing_is_garbage() -> Iterator[None]:
    """Keep Python's collector off for the block, which makes much that stays: it would look at all of it each time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def write_indexes(folder: Path, suite: Suite, collected: Collected, cache: ShardCache) -> dict[str, WrittenIndex]:
    """Write every index of a suite below `folder`; return them by their folders in the suite."""
    plan, written = plan_of(suite), {}
    for index in plan.folders:
        entries = (placed.entry for placed in collected.placed if index in plan.folders_of(placed))
        written[index] = write_index(folder, suite, index, entries, cache)
    return written


def whole_draft(
    folder: Path,
    suite: Suite,
    collected: Collected,
    changes: Iterable[PendingChange],
    before: Before,
    cache: ShardCache,
    *,
    rebuild: bool,
) -> Draft:
    """Make the draft. Patches lead on to an index only where it is the same as before: else its history begins anew."""
    written = write_indexes(folder, suite, collected, cache)

    def patched(index: str, one: WrittenIndex) -> Patched:
        current = one.plain
        kept = before.diffs.get(index, ()) if before.entries.get(f"{index}/Packages") == current else ()
        return Patched(kept, *write_diffs(folder, index, Content(current.sha256, current.size), kept))

    patches, files = patched_indexes(suite, len(collected.placed), written, patched)
    same = all(before.entries.get(file.name) == file.entry for file in files)
    now = {placed.entry.key: placed for placed in collected.placed}
    published = PublishedPackages({key: one.pool_path for key, one in now.items()}) if same else before.packages()
    seen = published.paths
    new = frozenset(set(now) - set(seen))
    removed = set(seen) - set(now)
    unexplained = removed - {(item.package_id, item.architecture) for item in collected.left_out}
    known = set() if rebuild or not before.proven else set(seen.values())
    return Draft(
        whole=True,
        changes=tuple(changes),
        read=collected.read,
        files=files,
        shards=ShardList(
            shape_of(suite),
            len(now),
            collected.left_out,
            {name: index.shards for name, index in written.items()},
            {name: one.diffs for name, one in patches.items()},
        ),
        contents=ListedContents([placed.entry for placed in now.values()]),
        # Where not all that clients had can be read, nobody can say what is new to them.
        added=tuple(sorted(new)) if published.complete else (),
        unsure=frozenset() if published.complete else new,
        removed=tuple(sorted(removed)),
        vanished=tuple(sorted(unexplained - set(before.withdrawn(unexplained)))),
        patches=tuple(file for one in patches.values() for file in one.patches),
        new_files={one.pool_path: one.file_size for one in now.values() if one.pool_path not in known},
        left_out=collected.left_out,
        included=tuple(now),
    )
