"""An index as it is published, by hash: read as a whole, or for the text of some of its shards."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, cast

from packages_app.core.checksums import chunks_of
from packages_app.core.errors import CandidateRefused
from packages_app.core.layout import by_hash_path
from packages_app.core.ports import ObjectStore
from packages_app.core.repository import Suite
from packages_app.indexes.compression import GZIP, READERS, UNREADABLE
from packages_app.indexes.packages import plan_of
from packages_app.indexes.release import ReleaseEntry
from packages_app.indexes.shards import Shard
from packages_app.publishing.shard_cache import ShardCache


@dataclass(frozen=True)
class PublishedIndex:
    """One index of a suite (`main/binary-amd64`), as its Release lists it, and the shards that it is made of."""

    bucket: ObjectStore
    suite: Suite
    folder: str
    entries: Mapping[str, ReleaseEntry]
    shards: tuple[Shard, ...]

    def entry(self, ending: str) -> ReleaseEntry:
        """Return what Release lists of one form; raise KeyError."""
        return self.entries[self.name(ending)]

    def name(self, ending: str) -> str:
        """Return the name of one form, relative to the suite."""
        return f"{self.folder}/Packages{ending}"

    def open(self, ending: str) -> BinaryIO:
        """Open one form by hash; a plain one that is not stored is unpacked on the way. Raise `ObjectNotFound`."""
        if not plan_of(self.suite).is_stored(ending):
            return cast("BinaryIO", gzip.GzipFile(fileobj=self.open(GZIP)))
        return self.bucket.open(by_hash_path(self.suite.name, self.name(ending), self.entry(ending).sha256))

    def text_of(self, shard: Shard, cache: ShardCache) -> bytes:
        """Return a shard's text, from the cache or from the published gzip form.

        Raise `ObjectNotFound`, and `CandidateRefused` when the published form is damaged.
        """
        known = cache.text_of(shard.sha256)
        if known is not None:
            return known
        offset = sum(each.length_in(GZIP) for each in self.shards[: self.shards.index(shard)])
        with self.open(GZIP) as stream:
            skip(stream, offset)
            packed = stream.read(shard.gzip)
        try:
            text = READERS[GZIP](packed)
        except UNREADABLE as error:
            raise damaged(self.name(GZIP)) from error
        if hashlib.sha256(text).hexdigest() != shard.sha256:
            raise damaged(self.name(GZIP))
        return text


def skip(stream: BinaryIO, count: int) -> None:
    """Pass over bytes of a stream, by seeking where it can."""
    if stream.seekable():
        stream.seek(count, 1)
        return
    for _ in chunks_of(stream, count):
        pass


def damaged(name: str) -> CandidateRefused:
    """Return the error of a published index that is not what its Release lists."""
    return CandidateRefused(f"The published {name} is damaged.", remedy="Mend it: verify_repository --repair.")
