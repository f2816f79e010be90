"""What the table says now of a suite, as indexes on this machine: not yet signed, not yet checked."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from packages_app.core.ports import PendingChange
from packages_app.core.record import PackageRecord, TableKey
from packages_app.indexes.packages import LeftOut
from packages_app.indexes.release import ReleaseEntry
from packages_app.publishing.contents import Contents
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.shard_list import ShardList


@dataclass(frozen=True)
class Draft:
    """The indexes of a suite and how they differ from what clients have.

    `whole` says that they were made of all records, else of pending changes. `changes` are the pending changes that
    they show, `read` counts the records read. `added` and `removed` are keys, sorted; of `removed`, the
    `vanished` ones have no record any more. `new_files` has the size in bytes of each pool file that is named and was
    not before (in a `whole` draft for a rebuild: of every one). `left_out` and `included` are of the records
    that were read. `missing` are those of the new files that the pool lacks, sorted; None where nobody looked yet.
    `patches` are new ones, which Release does not list: their Index does. `cautioned` are the records among those read
    that keep cautions. Where not all that clients see can be read, `added` is empty, and what they may lack is
    `unsure`.
    """

    whole: bool
    changes: tuple[PendingChange, ...]
    read: int
    files: tuple[IndexFile, ...]
    shards: ShardList
    contents: Contents
    added: tuple[TableKey, ...]
    removed: tuple[TableKey, ...]
    vanished: tuple[TableKey, ...]
    patches: tuple[IndexFile, ...]
    new_files: Mapping[str, int]
    left_out: tuple[LeftOut, ...]
    included: tuple[TableKey, ...]
    missing: tuple[str, ...] | None = None
    cautioned: tuple[PackageRecord, ...] = ()
    unsure: frozenset[TableKey] = frozenset()

    @property
    def entries(self) -> dict[str, ReleaseEntry]:
        """What Release is to list, by name."""
        return {file.name: file.entry for file in self.files}

    @property
    def perhaps_new(self) -> Set[TableKey]:
        """Return the keys of what clients do not have, as far as anybody can say."""
        return self.unsure | set(self.added)

    @property
    def stored(self) -> list[IndexFile]:
        """The files that clients can fetch."""
        return [file for file in self.files if file.stored]

    @property
    def packages(self) -> int:
        """How many records the indexes show."""
        return self.shards.packages
