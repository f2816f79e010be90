"""An index changed in places: unchanged shards are copied out of the published files, the others put between them.

The published file's own SHA256 is taken on the way, so that a damaged one is never carried on.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from gzip import BadGzipFile
from pathlib import Path
from typing import BinaryIO

from packages_app.core.at_once import at_once, both_at_once
from packages_app.core.checksums import chunks_of
from packages_app.core.repository import Suite
from packages_app.indexes.compression import GZIP, XZ
from packages_app.indexes.packages import plan_of
from packages_app.indexes.shards import Shard, ShardEntries, head_of, steps_between, tail_of
from packages_app.publishing.index_file import IndexFile, IndexSink
from packages_app.publishing.index_writer import WrittenIndex
from packages_app.publishing.published_index import PublishedIndex, damaged
from packages_app.publishing.shard_cache import MadeShard, ShardCache


def unchanged_index(published: PublishedIndex, suite: Suite) -> WrittenIndex:
    """Return an index that stays as it is published."""
    files = (
        IndexFile(published.name(ending), published.entry(ending), None, plan_of(suite).is_stored(ending))
        for ending in plan_of(suite).endings
    )
    return WrittenIndex(tuple(files), published.shards)


def splice_index(
    folder: Path, suite: Suite, published: PublishedIndex, parts: Sequence[Shard | ShardEntries], cache: ShardCache
) -> WrittenIndex:
    """Write an index below `folder` from its published form and the parts that it is to have now.

    Raise `ObjectNotFound` when a published form is gone, `CandidateRefused` when one is damaged.
    """
    if tuple(parts) == published.shards:
        return unchanged_index(published, suite)
    endings = plan_of(suite).endings
    runs = [part for part in parts if isinstance(part, ShardEntries)]
    at_the_same_time = published.bucket.at_once
    with ExitStack() as opened:

        def opened_form(ending: str) -> BinaryIO:
            return opened.enter_context(published.open(ending))

        # The store is asked for the published forms while shards are compressed, which takes about as long.
        olds, made_in_order = both_at_once(
            partial(at_once, [partial(opened_form, ending) for ending in endings], at_the_same_time),
            lambda: list(cache.make_all(runs, with_xz=XZ in endings)),
            at_the_same_time,
        )
        made = {one.shard.sha256: one for one in made_in_order}
        fresh = iter(made.values())
        shards = tuple(part if isinstance(part, Shard) else next(fresh).shard for part in parts)
        if shards == published.shards:  # changed, and back to what they were
            return unchanged_index(published, suite)

        def write(ending: str, old: BinaryIO) -> IndexFile:
            name = published.name(ending)
            stored = plan_of(suite).is_stored(ending)
            with IndexSink(folder / name if stored else None) as sink:
                try:
                    _splice(old, sink, ending, published, shards, made)
                except (BadGzipFile, EOFError, zlib.error) as error:  # of an uncompressed form, unpacked on the way
                    raise damaged(published.name(GZIP)) from error
            return IndexFile(name, sink.entry(), sink.path, stored)

        texts = {sha256: one.text for sha256, one in made.items()}
        writes = [partial(write, *each) for each in zip(endings, olds, strict=True)]
        files = at_once(writes, max(os.cpu_count() or 1, at_the_same_time))
    return WrittenIndex(tuple(files), shards, texts)


def _splice(
    old: BinaryIO,
    sink: IndexSink,
    ending: str,
    published: PublishedIndex,
    shards: Sequence[Shard],
    made: Mapping[str, MadeShard],
) -> None:
    source = _Source(old, sink)
    source.copy(len(head_of(ending)))
    for step in steps_between(published.shards, shards, ending):
        source.copy(step.copy)
        source.skip(step.skip)
        if step.put is not None:
            source.part()
            sink.write(made[step.put.sha256].form(ending))
    source.part()
    sink.write(tail_of(ending, shards))
    if source.rest() != published.entry(ending).sha256:
        raise damaged(published.name(ending))


class _Source:
    """The published file, read once from its start to its end, whose SHA256 is taken on the way.

    As long as all of it was copied, the sink's own SHA256 is its.
    """

    def __init__(self, old: BinaryIO, sink: IndexSink) -> None:
        self._old, self._sink = old, sink
        self._sha256 = sink.sha256_so_far()
        self._parted = False

    def copy(self, count: int) -> None:
        """Copy bytes into the sink."""
        for chunk in chunks_of(self._old, count):
            self._sink.write(chunk)
            if self._parted:
                self._sha256.update(chunk)

    def skip(self, count: int) -> None:
        """Pass over bytes without copying them."""
        if count:
            self.part()
        for chunk in chunks_of(self._old, count):
            self._sha256.update(chunk)

    def part(self) -> None:
        """Record that the sink is about to hold something else than the published file."""
        if not self._parted:
            self._sha256, self._parted = self._sink.sha256_so_far(), True

    def rest(self) -> str:
        """Read to the end; return the SHA256 of the whole file."""
        for chunk in chunks_of(self._old):
            self._sha256.update(chunk)
        return self._sha256.hexdigest()
