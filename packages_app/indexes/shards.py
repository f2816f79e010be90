"""A Packages index as a sequence of shards (DESIGN 5): runs of entries, each known by the SHA256 of its text.

A shard begins where a hash of an entry's key says so, so that an entry that comes or goes moves no other cut, and
the same entries give the same shards whatever came before.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from packages_app.core.record import TableKey, make_package_id
from packages_app.indexes.entry import IndexEntry, Order, entries_in, order_of

_ENTRIES_A_SHARD = 128
"""On average: about 100 KiB of text. Measured on Debian's own index: half of that costs 9 % more bytes of xz, twice
that costs twice the time for the shard that changed and saves 3 %."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as it is kept: what it begins with, its text's SHA256, and sizes.

    `first` is name, version and architecture of its first entry. `size` is of its text and `gzip` of its gzip member,
    in bytes; `xz` is that of its block without padding, 0 where none was made. `lines` and `entries` are counts.
    """

    first: tuple[str, str, str]
    sha256: str
    size: int
    lines: int
    entries: int
    gzip: int
    xz: int


@dataclass(frozen=True, slots=True)
class Run:
    """Entries that are to be a shard."""

    entries: tuple[IndexEntry, ...]

    @property
    def text(self) -> bytes:
        """The shard's text."""
        return b"".join(entry.stanza for entry in self.entries)


@dataclass(frozen=True)
class Edited:
    """An index after edits: shards that stayed and runs that are new, in order, and what the touched shards held."""

    parts: tuple[Shard | Run, ...]
    before: frozenset[TableKey]


def begins_shard(key: TableKey) -> bool:
    """Say whether the entry of this key begins a shard."""
    digest = hashlib.sha256("|".join(key).encode()).digest()
    return int.from_bytes(digest[:4], "big") % _ENTRIES_A_SHARD == 0


def cut(entries: Iterable[IndexEntry]) -> Iterator[Run]:
    """Cut the entries of an index, in its order, into the runs that are its shards."""
    run: list[IndexEntry] = []
    for entry in entries:
        if run and begins_shard(entry.key):
            yield Run(tuple(run))
            run = []
        run.append(entry)
    if run:
        yield Run(tuple(run))


def edit(
    shards: Sequence[Shard], edits: Mapping[Order, IndexEntry | None], text_of: Callable[[Shard], bytes]
) -> Edited:
    """Put entries into an index or take them out (None); only the texts of shards that this touches are read.

    Gives what `cut` would give of all entries, the shards that stayed as they are. An entry that is there already, or
    that is to go and is not there, changes nothing.
    """
    touched = _by_shard(shards, edits)
    parts: list[Shard | Run] = []
    before: set[TableKey] = set()
    for number, shard in enumerate(shards):
        if number not in touched:
            parts.append(shard)
            continue
        entries = list(entries_in(text_of(shard)))
        mine = {order: edits[order] for order in touched[number]}
        before |= {entry.key for entry in entries} & set(map(_key_of, mine))
        run = _edited(entries, mine)
        if run == entries:
            parts.append(shard)
            continue
        if run and parts and not begins_shard(run[0].key):
            run = [*_entries_of(parts.pop(), text_of), *run]
        parts += cut(run)
    if not shards:
        parts += cut(entry for _, entry in sorted(edits.items()) if entry is not None)
    return Edited(tuple(parts), frozenset(before))


def _by_shard(shards: Sequence[Shard], edits: Iterable[Order]) -> dict[int, list[Order]]:
    """Give which edits fall into which shard; what stands before all shards falls into the first."""
    touched: dict[int, list[Order]] = {}
    for order in edits:
        number = bisect_right(shards, order, key=lambda shard: order_of(*shard.first)) - 1
        touched.setdefault(max(0, number), []).append(order)
    return touched


def _edited(entries: Sequence[IndexEntry], edits: Mapping[Order, IndexEntry | None]) -> list[IndexEntry]:
    """Give entries, which are in order, with edits done."""
    keys = set(map(_key_of, edits))
    after = [entry for entry in entries if entry.key not in keys]
    for entry in edits.values():
        if entry is not None:
            insort(after, entry, key=lambda each: each.order)
    return after


def _key_of(order: Order) -> TableKey:
    name, _, architecture, version = order
    return (make_package_id(name, version), architecture)


def _entries_of(part: Shard | Run, text_of: Callable[[Shard], bytes]) -> Iterable[IndexEntry]:
    return part.entries if isinstance(part, Run) else entries_in(text_of(part))


@dataclass(frozen=True, slots=True)
class Step:
    """A step from the old file of an index to its new one: copy and pass over so many bytes, then put a shard's in."""

    copy: int = 0
    skip: int = 0
    put: Shard | None = None


def steps_between(old: Sequence[Shard], new: Sequence[Shard], length_of: Callable[[Shard], int]) -> Iterator[Step]:
    """Give the steps that make one form of an index out of the one before; `length_of` gives a shard's bytes in it."""
    places = {shard.sha256: number for number, shard in enumerate(old)}
    at = copy = 0
    for shard in new:
        place = places.get(shard.sha256)
        if place is None:
            yield Step(copy=copy, put=shard)
            copy = 0
            continue
        if place > at:
            yield Step(copy=copy, skip=sum(map(length_of, old[at:place])))
            copy = 0
        copy += length_of(shard)
        at = place + 1
    yield Step(copy=copy, skip=sum(map(length_of, old[at:])))
