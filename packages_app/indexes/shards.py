"""A Packages index as a sequence of shards: runs of entries, each known by the SHA256 of its text.

A shard begins with an entry the hash of whose key is the least among its neighbours'. So an entry that comes or goes
moves cuts only near it, the same entries give the same shards whatever came before, and no shard is many times as long
as another, as they are where each hash decides by itself: a change hits the long ones the most.

See docs/ARCHITECTURE.md, Shards.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packages_app.core.record import TableKey, make_package_id
from packages_app.indexes.compression import EMPTY_GZIP, GZIP, UNCOMPRESSED, XZ, XZ_HEADER, padded, xz_tail
from packages_app.indexes.entry import IndexEntry, SortKey, entries_in, order_of

NEIGHBOURS = 32
"""So many entries before it, and behind it, have greater hashes than the one that a shard begins with.

A shard has twice as many and one on average, about 50 KiB of text, and more than half of that at least, but for the
first and the last. Fewer cost clients bytes of xz; more cost the publisher time for the shard that changed.
"""
_CONTEXT = 2
"""The cuts that a change moves depend on entries no farther than this many shards off."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as it is kept: what it begins with, its text's SHA256, and sizes.

    `first` is name, version and `built_for` of its first entry. `size` is of its text and `gzip` of its gzip member,
    in bytes; `xz` is that of its block without padding, 0 where none was made. `lines` and `entries` are counts.
    """

    first: tuple[str, str, str]
    sha256: str
    size: int
    lines: int
    entries: int
    gzip: int
    xz: int

    def length_in(self, ending: str) -> int:
        """Return how many bytes of a form, by the ending of its name, are this shard's."""
        return {UNCOMPRESSED: self.size, GZIP: self.gzip, XZ: padded(self.xz)}[ending]


def head_of(ending: str) -> bytes:
    """Return what stands before the shards in a form of an index."""
    return XZ_HEADER if ending == XZ else b""


def tail_of(ending: str, shards: Sequence[Shard]) -> bytes:
    """Return what stands behind them."""
    if ending == XZ:
        return xz_tail((shard.xz, shard.size) for shard in shards)
    return EMPTY_GZIP if ending == GZIP and not shards else b""


@dataclass(frozen=True, slots=True)
class ShardEntries:
    """Entries that are to be a shard."""

    entries: tuple[IndexEntry, ...]

    @property
    def text(self) -> bytes:
        """The shard's text."""
        return b"".join(entry.stanza for entry in self.entries)


@dataclass(frozen=True)
class Edited:
    """An index after edits: shards that stayed and runs that are new, in order, and what the touched shards held."""

    parts: tuple[Shard | ShardEntries, ...]
    before: frozenset[TableKey]


def cut(entries: Iterable[IndexEntry]) -> Iterator[ShardEntries]:
    """Cut the entries of an index, in its order, into the runs that are its shards."""
    listed = list(entries)
    return _runs(listed, _least([_hash(entry.key) for entry in listed]))


def _least(hashes: Sequence[bytes]) -> Iterator[int]:
    """Yield which hashes are the least among their neighbours: of those that are all neighbours, at most the least."""
    for first in range(0, len(hashes), NEIGHBOURS + 1):
        number = hashes.index(min(hashes[first : first + NEIGHBOURS + 1]), first)
        if _is_least(hashes, number):
            yield number


def _hash(key: TableKey) -> bytes:
    return hashlib.sha256("|".join(key).encode()).digest()[:8]


def _is_least(hashes: Sequence[bytes], number: int) -> bool:
    own, before = hashes[number], max(0, number - NEIGHBOURS)
    return all(own < other for other in hashes[before:number]) and all(
        own < other for other in hashes[number + 1 : number + 1 + NEIGHBOURS]
    )


def _runs(entries: Sequence[IndexEntry], begins: Iterable[int]) -> Iterator[ShardEntries]:
    start = 0
    for begin in (*begins, len(entries)):
        if begin > start:
            yield ShardEntries(tuple(entries[start:begin]))
            start = begin


def edit(
    shards: Sequence[Shard], edits: Mapping[SortKey, IndexEntry | None], text_of: Callable[[Shard], bytes]
) -> Edited:
    """Put entries into an index or take them out (None); only the texts of shards near these are read.

    Return what `cut` would give of all entries, the shards that stayed as they are. An entry that is there already, or
    that is to go and is not there, changes nothing.
    """
    if not shards:
        return Edited(tuple(cut(entry for _, entry in sorted(edits.items()) if entry is not None)), frozenset())
    parts: list[Shard | ShardEntries] = []
    before: set[TableKey] = set()
    done = 0
    for first, last, orders in _groups(shards, edits):
        parts += shards[done:first]
        made, had = _edited(shards[first:last], {order: edits[order] for order in orders}, text_of)
        parts += made
        before |= had
        done = last
    return Edited((*parts, *shards[done:]), frozenset(before))


def _groups(shards: Sequence[Shard], edits: Mapping[SortKey, object]) -> Iterator[tuple[int, int, list[SortKey]]]:
    """Return rows of shards that edits and their context fall into, the first to before the last, with the edits."""
    groups: list[tuple[int, int, list[SortKey]]] = []
    for number, orders in sorted(_by_shard(shards, edits).items()):
        first, last = max(0, number - _CONTEXT), min(len(shards), number + _CONTEXT + 1)
        if groups and first <= groups[-1][1]:
            begun, _, others = groups.pop()
            groups.append((begun, last, [*others, *orders]))
        else:
            groups.append((first, last, orders))
    yield from groups


def _edited(
    shards: Sequence[Shard], edits: Mapping[SortKey, IndexEntry | None], text_of: Callable[[Shard], bytes]
) -> tuple[list[Shard | ShardEntries], set[TableKey]]:
    """Return what becomes of a row of shards that has all the context of its edits, and which keys it had of theirs."""
    runs = {ShardEntries(tuple(entries_in(text_of(shard)))): shard for shard in shards}
    entries = [entry for run in runs for entry in run.entries]
    keys = set(map(_key_of, edits))
    had = {entry.key for entry in entries} & keys
    after = [entry for entry in entries if entry.key not in keys]
    for entry in edits.values():
        if entry is not None:
            insort(after, entry, key=lambda each: each.order)
    begun = {run.entries[0].key for run in runs}
    begins = _begins(after, begun, [bisect_left(after, order, key=lambda each: each.order) for order in edits])
    return [runs.get(run, run) for run in _runs(after, begins)], had


def _begins(entries: Sequence[IndexEntry], begun: Collection[TableKey], places: Iterable[int]) -> list[int]:
    """Return which entries begin a shard: near the edits' places it is found out, of others it is known."""
    near = {
        number
        for place in places
        for number in range(max(0, place - NEIGHBOURS), min(len(entries), place + NEIGHBOURS + 1))
    }
    hashes = [_hash(entry.key) for entry in entries]
    return [
        number
        for number, entry in enumerate(entries)
        if (_is_least(hashes, number) if number in near else entry.key in begun)
    ]


def _by_shard(shards: Sequence[Shard], edits: Iterable[SortKey]) -> dict[int, list[SortKey]]:
    """Return which edits fall into which shard; what stands before all shards falls into the first."""
    touched: dict[int, list[SortKey]] = {}
    for order in edits:
        number = bisect_right(shards, order, key=lambda shard: order_of(*shard.first)) - 1
        touched.setdefault(max(0, number), []).append(order)
    return touched


def _key_of(order: SortKey) -> TableKey:
    name, _, place, version = order
    return (make_package_id(name, version), place)


@dataclass(frozen=True, slots=True)
class Step:
    """A step from the old file of an index to its new one: copy and pass over so many bytes, then put a shard's in."""

    copy: int = 0
    skip: int = 0
    put: Shard | None = None


def steps_between(old: Sequence[Shard], new: Sequence[Shard], ending: str) -> Iterator[Step]:
    """Return the steps that make the shards of one form of an index out of those before."""
    places = {shard.sha256: number for number, shard in enumerate(old)}
    at = copy = 0
    for shard in new:
        place = places.get(shard.sha256)
        if place is None:
            yield Step(copy=copy, put=shard)
            copy = 0
            continue
        if place > at:
            yield Step(copy=copy, skip=sum(shard.length_in(ending) for shard in old[at:place]))
            copy = 0
        copy += shard.length_in(ending)
        at = place + 1
    yield Step(copy=copy, skip=sum(shard.length_in(ending) for shard in old[at:]))
