"""What a suite shows, asked by name: for the convenience copy and the instructions page."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from packages_app.indexes.entry import IndexEntry, SortKey, entries_in, entries_of, order_of
from packages_app.indexes.shards import Shard

_AFTER_ALL = "\U0010ffff"


class Contents(Protocol):
    """The entries of a suite."""

    @property
    def packages(self) -> int:
        """How many records it shows, each once, however many indexes carry it."""
        ...

    def newest_of(self, name: str) -> IndexEntry | None:
        """Return an entry of the newest version of a name, in dpkg's order."""
        ...

    def newest_of_each(self) -> list[IndexEntry]:
        """Return such an entry of every name, sorted by name."""
        ...


class ListedContents:
    """The contents of a suite whose entries are all at hand, each once, in index order."""

    def __init__(self, entries: Sequence[IndexEntry]) -> None:
        self.packages = len(entries)
        self._newest = _last_of_each(entries)

    def newest_of(self, name: str) -> IndexEntry | None:
        """Return an entry of the newest version of a name."""
        return self._newest.get(name)

    def newest_of_each(self) -> list[IndexEntry]:
        """Return such an entry of every name, sorted by name."""
        return [self._newest[name] for name in sorted(self._newest)]


@dataclass(frozen=True)
class ShardedContents:
    """The contents of a suite by its shards; only those are read that an answer needs."""

    packages: int
    indexes: Mapping[str, Sequence[Shard]]
    text_of: Callable[[str, Shard], bytes]
    """Gives the text of a shard of an index."""

    def newest_of(self, name: str) -> IndexEntry | None:
        """Return an entry of the newest version of a name."""
        found = [entry for folder in self.indexes for entry in self._last_of(folder, name)]
        return max(found, key=lambda entry: entry.order, default=None)

    def _last_of(self, folder: str, name: str) -> list[IndexEntry]:
        shards = self.indexes[folder]
        last: SortKey = (name, _AFTER_ALL, "", "")
        after = bisect_right(shards, last, key=lambda shard: order_of(*shard.first))
        if not after:
            return []
        return list(entries_of(self.text_of(folder, shards[after - 1]), name))

    def newest_of_each(self) -> list[IndexEntry]:
        """Return such an entry of every name, sorted by name: this reads all shards."""
        newest: dict[str, IndexEntry] = {}
        for folder, shards in self.indexes.items():
            entries = (entry for shard in shards for entry in entries_in(self.text_of(folder, shard)))
            for name, entry in _last_of_each(entries).items():
                newest[name] = max(newest.get(name, entry), entry, key=lambda each: each.order)
        return [newest[name] for name in sorted(newest)]


def _last_of_each(entries: Iterable[IndexEntry]) -> dict[str, IndexEntry]:
    """Return the last entry of every name; in index order that is the newest."""
    return {entry.package_name: entry for entry in entries}
