"""What records become in an index, kept under the digest of their documents; losing it costs time only.

Reading a record, making its stanza and reading that back takes several times as long as reading its document. A run of
records whose documents are all as they were is placed as it was. What is kept is sealed, and told apart by the code
that places records: of another release nothing is taken.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from sys import intern
from zlib import crc32

import deflate
import msgspec
import structlog

from packages_app.core import document, other_fields, record, rollout, version
from packages_app.core.document import record_in
from packages_app.core.repository import Suite
from packages_app.debian import stanza
from packages_app.indexes import entry, packages
from packages_app.indexes.entry import IndexEntry
from packages_app.indexes.packages import InOrder, LeftOut, Placed, place
from packages_app.publishing.shard_cache import ShardStore

_CODE = (document, record, version, other_fields, rollout, stanza, entry, packages)
"""All that decides what a record becomes, and how that is kept here."""
_ENDS_A_RUN = 64
"""One document in so many ends a run, by its own bytes: what comes or goes elsewhere moves no other run's end."""
_LONGEST_RUN = 512
_FAST = 1

_Kept = tuple[list[tuple[str, str, str, str, str, bytes, str, int]], list[tuple[str, str, tuple[str, ...]]]]
"""A run as it is kept: of each record that is placed its component, name, version, the version's sort key,
architecture, stanza, pool path and size in bytes; then those left out, each key with the reasons."""
_WRITER = msgspec.msgpack.Encoder()
_READER = msgspec.msgpack.Decoder(_Kept)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PlacedCache:
    """Places the records of a suite, taking what is known from a cache (that of the shards, under keys of its own)."""

    cache: ShardStore

    def place_all(self, suite: Suite, documents: Iterable[bytes]) -> Iterator[InOrder | LeftOut]:
        """Yield what each record becomes, in the order of the documents."""
        for run in _runs(documents):
            yield from self._place(suite, run)

    def _place(self, suite: Suite, run: list[bytes]) -> list[InOrder | LeftOut]:
        key = _key(suite, run)
        known = self._get(key)
        if known is not None:
            return known
        found = [place(suite, record_in(one)) for one in run]
        made: list[InOrder | LeftOut] = [one if isinstance(one, LeftOut) else (one.entry.order, one) for one in found]
        self._keep(key, made)
        return made

    def _get(self, key: str) -> list[InOrder | LeftOut] | None:
        try:
            kept = self.cache.get(key)
            if kept is None or kept[1] != _seal(key, kept[0]):
                return None
            placed, left_out = _READER.decode(deflate.gzip_decompress(kept[0]))
        except Exception as error:  # each backend has errors of its own, and none may stop a publication
            log.warning("placed_cache_failed", operation="get", error=str(error))
            return None
        return [*map(_placed, placed), *(LeftOut(*one) for one in left_out)]

    def _keep(self, key: str, made: Iterable[InOrder | LeftOut]) -> None:
        placed, left_out = [], []
        for one in made:
            if isinstance(one, LeftOut):
                left_out.append(astuple(one))
            else:
                (name, version_key, architecture, text), each = one
                placed.append(
                    (each.component, name, text, version_key, architecture, each.entry.stanza, each.pool_path,
                     each.file_size)
                )  # fmt: skip
        packed = bytes(deflate.gzip_compress(_WRITER.encode((placed, left_out)), _FAST))
        try:
            self.cache.set(key, (packed, _seal(key, packed)))
        except Exception as error:  # as above
            log.warning("placed_cache_failed", operation="set", error=str(error))


def _placed(kept: tuple[str, str, str, str, str, bytes, str, int]) -> InOrder:
    component, name, text, version_key, architecture, lines, pool_path, size = kept
    # Of the many there is one each: a text of its own for every record takes eight megabytes in a large suite.
    made = Placed(intern(component), IndexEntry(name, text, intern(architecture), lines), pool_path, size)
    return (name, version_key, architecture, text), made


def _runs(documents: Iterable[bytes]) -> Iterator[list[bytes]]:
    run: list[bytes] = []
    for one in documents:
        run.append(one)
        if crc32(one) % _ENDS_A_RUN == 0 or len(run) == _LONGEST_RUN:
            yield run
            run = []
    if run:
        yield run


def _key(suite: Suite, run: Sequence[bytes]) -> str:
    """Return the key of a run: of all that decides what its records become."""
    digest = hashlib.sha256(_code())
    lengths = [len(one) for one in run]  # without them other documents could be the same bytes
    digest.update(repr((suite.name, suite.components, suite.architectures, lengths)).encode())
    digest.update(b"".join(run))
    return f"placed-{digest.hexdigest()}"


@cache
def _code() -> bytes:
    """Return the digest of the code that places records."""
    return hashlib.sha256("".join(map(inspect.getsource, _CODE)).encode()).digest()


def _seal(key: str, packed: bytes) -> str:
    return hashlib.sha256(key.encode() + packed).hexdigest()
