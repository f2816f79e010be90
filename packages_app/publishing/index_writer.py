"""An index written whole: from its entries to the files of its forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from packages_app.core.repository import Suite
from packages_app.indexes.compression import EMPTY_GZIP, ENDINGS, GZIP, PLAIN, XZ, XZ_HEADER, xz_tail
from packages_app.indexes.entry import IndexEntry
from packages_app.indexes.shards import Shard, cut
from packages_app.publishing.index_file import IndexFile, IndexSink
from packages_app.publishing.shard_cache import ShardCache


@dataclass(frozen=True)
class WrittenIndex:
    """The files of one index, one for each form that Release lists, its shards, and the texts of some new ones."""

    files: tuple[IndexFile, ...]
    shards: tuple[Shard, ...]
    texts: Mapping[str, bytes] = field(default_factory=dict)


def endings_of(suite: Suite) -> tuple[str, ...]:
    """Give the forms that Release lists of each index, by the endings of their names."""
    return tuple(ending for form, ending in ENDINGS.items() if form in suite.index_forms or ending == PLAIN)


def is_stored(suite: Suite, ending: str) -> bool:
    """Say whether clients can fetch this form; a suite may list the plain one only."""
    return ending != PLAIN or "plain" in suite.index_forms


def write_index(
    folder: Path, suite: Suite, index: str, entries: Iterable[IndexEntry], cache: ShardCache
) -> WrittenIndex:
    """Write the index of a folder (`main/binary-amd64`) from all its entries, in index order, below `folder`."""
    endings = endings_of(suite)
    shards: list[Shard] = []
    with ExitStack() as stack:
        sinks = {
            ending: stack.enter_context(
                IndexSink(folder / f"{index}/Packages{ending}" if is_stored(suite, ending) else None)
            )
            for ending in endings
        }
        if XZ in sinks:
            sinks[XZ].write(XZ_HEADER)
        for made in cache.make_all(cut(entries), with_xz=XZ in sinks):
            shards.append(made.shard)
            for ending, sink in sinks.items():
                sink.write(made.form(ending))
        finish(sinks, shards)
    files = (
        IndexFile(f"{index}/Packages{ending}", sink.entry(), sink.path, is_stored(suite, ending))
        for ending, sink in sinks.items()
    )
    return WrittenIndex(tuple(files), tuple(shards))


def finish(sinks: dict[str, IndexSink], shards: list[Shard]) -> None:
    """Write what ends each form after its shards."""
    if GZIP in sinks and not shards:
        sinks[GZIP].write(EMPTY_GZIP)
    if XZ in sinks:
        sinks[XZ].write(xz_tail((shard.xz, shard.size) for shard in shards))
