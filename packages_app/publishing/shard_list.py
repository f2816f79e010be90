"""What the indexes of a Release are made of, kept in staging beside its generation, for the next publication."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, fields
from operator import attrgetter
from typing import Self

from packages_app.core.errors import ObjectNotFound
from packages_app.core.ports import ObjectStore
from packages_app.core.repository import Suite
from packages_app.indexes.compression import FORMAT, UNREADABLE
from packages_app.indexes.packages import LeftOut, plan_of
from packages_app.indexes.shards import Shard
from packages_app.publishing.diffs import Diff

_values_of = attrgetter(*(field.name for field in fields(Shard)))


@dataclass(frozen=True)
class ShardList:
    """The shards of each index of a suite, by its folder, in order.

    `shape` says for which indexes and in which format they were made; `packages` counts the records shown, each once.
    `diffs` are the ways from past states of each index to this one.
    """

    shape: str
    packages: int
    left_out: tuple[LeftOut, ...]
    indexes: Mapping[str, tuple[Shard, ...]]
    diffs: Mapping[str, tuple[Diff, ...]] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the list as it is kept: gzipped JSON."""
        document = {
            "shape": self.shape,
            "packages": self.packages,
            "left_out": [astuple(item) for item in self.left_out],
            "indexes": {folder: [_values_of(shard) for shard in shards] for folder, shards in self.indexes.items()},
            "diffs": {folder: [diff.as_texts() for diff in diffs] for folder, diffs in self.diffs.items()},
        }
        return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), compresslevel=6, mtime=0)

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Read a list; raise `ValueError` for one that is none, or damaged."""
        try:
            document = json.loads(gzip.decompress(body))
            indexes = {
                folder: tuple(Shard(tuple(first), *rest) for first, *rest in shards)
                for folder, shards in document["indexes"].items()
            }
            left_out = tuple(LeftOut(one, other, tuple(reasons)) for one, other, reasons in document["left_out"])
            diffs = {
                folder: tuple(Diff.from_texts(*texts) for texts in kept) for folder, kept in document["diffs"].items()
            }
            return cls(document["shape"], document["packages"], left_out, indexes, diffs)
        except (*UNREADABLE, KeyError, TypeError) as error:
            raise ValueError(f"{error!r}") from error


def shape_of(suite: Suite) -> str:
    """Return what must be the same for one list to follow on another: the indexes of a suite, and their format."""
    return " ".join((FORMAT, *plan_of(suite).names))


def shard_lists_of(suite: str) -> str:
    """Return the folder where staging keeps a suite's lists."""
    return f"shards/{suite}/"


def shard_list_key(suite: str, digest: str) -> str:
    """Return where staging keeps the list of the Release with this digest."""
    return f"{shard_lists_of(suite)}{digest}.json.gz"


def keep_shard_list(staging: ObjectStore, suite: str, digest: str, shards: ShardList) -> None:
    """Keep the list of a Release."""
    staging.put(shard_list_key(suite, digest), shards.to_bytes())


def read_shard_list(staging: ObjectStore, suite: str, digest: str) -> ShardList | None:
    """Read the list of a Release; None when there is none that can be read."""
    try:
        return ShardList.from_bytes(staging.read(shard_list_key(suite, digest)))
    except (ObjectNotFound, ValueError):
        return None
