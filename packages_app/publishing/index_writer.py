"""An index written whole: from its entries to the files of its forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from packages_app.core.repository import Suite
from packages_app.indexes.compression import XZ
from packages_app.indexes.entry import IndexEntry
from packages_app.indexes.packages import plan_of
from packages_app.indexes.release import ReleaseEntry
from packages_app.indexes.shards import Shard, cut, head_of, tail_of
from packages_app.publishing.index_file import IndexFile, IndexSink
from packages_app.publishing.shard_cache import ShardCache


@dataclass(frozen=True)
class WrittenIndex:
    """The files of one index, one for each form that Release lists, its shards, and the texts of some new ones."""

    files: tuple[IndexFile, ...]
    shards: tuple[Shard, ...]
    texts: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def plain(self) -> ReleaseEntry:
        """What Release lists of the uncompressed form, which is the first."""
        return self.files[0].entry


def write_index(
    folder: Path, suite: Suite, index: str, entries: Iterable[IndexEntry], cache: ShardCache
) -> WrittenIndex:
    """Write the index of a folder (`main/binary-amd64`) from all its entries, in index order, below `folder`."""
    endings = plan_of(suite).endings
    shards: list[Shard] = []
    with ExitStack() as stack:
        sinks = {
            ending: stack.enter_context(
                IndexSink(folder / f"{index}/Packages{ending}" if plan_of(suite).is_stored(ending) else None)
            )
            for ending in endings
        }
        for ending, sink in sinks.items():
            sink.write(head_of(ending))
        for made in cache.make_all(cut(entries), with_xz=XZ in sinks):
            shards.append(made.shard)
            for ending, sink in sinks.items():
                sink.write(made.form(ending))
        for ending, sink in sinks.items():
            sink.write(tail_of(ending, shards))
    files = (
        IndexFile(f"{index}/Packages{ending}", sink.entry(), sink.path, plan_of(suite).is_stored(ending))
        for ending, sink in sinks.items()
    )
    return WrittenIndex(tuple(files), tuple(shards))
