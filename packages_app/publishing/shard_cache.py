"""The compressed forms of shards, kept in a cache under the SHA256 of their text; losing it costs time only."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from packages_app.core.at_once import at_once_ahead
from packages_app.core.errors import CandidateRefused
from packages_app.indexes.compression import (
    FORMAT,
    GZIP,
    READERS,
    UNCOMPRESSED,
    UNREADABLE,
    XZ,
    XzBlock,
    gzip_member,
    read_xz_block,
    xz_block,
)
from packages_app.indexes.shards import Shard, ShardEntries

log = structlog.get_logger(__name__)

_AT_ONCE = 64
"""So many shards are held in memory at once."""

_Value = tuple[bytes, bytes, int, str]
"""What is kept: the gzip member, the xz block (b"" for none), its size without padding, and the seal of these."""


class ShardStore(Protocol):
    """Where the compressed forms of shards are kept; each adapter has errors of its own, and none may stop a caller."""

    def get(self, key: str) -> Any:
        """Return what was last kept under a key, or None when nothing is."""
        ...

    def set(self, key: str, value: Any) -> None:
        """Keep a value under a key; it may be gone again at any time."""
        ...


@dataclass(frozen=True, slots=True)
class MadeShard:
    """A shard with its text and its compressed forms."""

    shard: Shard
    text: bytes
    gzip: bytes
    xz: bytes

    def form(self, ending: str) -> bytes:
        """Return one form, by the ending of index names."""
        return {UNCOMPRESSED: self.text, GZIP: self.gzip, XZ: self.xz}[ending]


@dataclass(frozen=True)
class ShardCache:
    """Makes shards of runs, taking compressed forms from a cache.

    Forms are unpacked and compared with the text when they are made, and sealed: whatever the cache gives back
    otherwise than it was put in is made anew.
    """

    cache: ShardStore

    def make(self, run: ShardEntries, *, with_xz: bool) -> MadeShard:
        """Make a run's shard; raise `CandidateRefused` when its forms can't be read back."""
        text = run.text
        sha256 = hashlib.sha256(text).hexdigest()
        known = self._get(sha256)
        if known is None or (with_xz and not known[1]):
            known = _made(text, sha256, with_xz=with_xz)
            self._set(_key(sha256), known)
        packed, block_body, unpadded, _ = known
        entries = run.entries
        first = (entries[0].package_name, entries[0].version, entries[0].built_for)
        unpadded = unpadded if with_xz else 0
        shard = Shard(first, sha256, len(text), text.count(b"\n"), len(entries), len(packed), unpadded)
        return MadeShard(shard, text, packed, block_body if with_xz else b"")

    def make_all(self, runs: Iterable[ShardEntries], *, with_xz: bool) -> Iterator[MadeShard]:
        """Make the shards of runs, in their order, on all cores; some are made ahead of the one that is asked for."""
        making = (partial(self.make, run, with_xz=with_xz) for run in runs)
        return at_once_ahead(making, os.cpu_count() or 1, _AT_ONCE)

    def text_of(self, sha256: str) -> bytes | None:
        """Return the text with this SHA256, or None when it is not kept."""
        known = self._get(sha256)
        if known is None:
            return None
        text = _unpacked(GZIP, known[0])
        return text if text is not None and hashlib.sha256(text).hexdigest() == sha256 else None

    def unpacked_of(self, sha256: str) -> str | None:
        """Return the SHA256 of what a file with this SHA256 was seen to unpack to, or None when that is not kept."""
        try:
            known: tuple[str, str] | None = self.cache.get(_file_key(sha256))
            return known[0] if known is not None and known == _file_value(sha256, known[0]) else None
        except Exception as error:  # each backend has errors of its own, and none may stop a publication
            log.warning("shard_cache_failed", operation="get", error=str(error))
            return None

    def keep_unpacked(self, sha256: str, unpacked: str) -> None:
        """Keep that a file with this SHA256 was seen to unpack to bytes with another."""
        self._set(_file_key(sha256), _file_value(sha256, unpacked))

    def _get(self, sha256: str) -> _Value | None:
        try:
            known: _Value | None = self.cache.get(_key(sha256))
            return known if known is not None and known[3] == _seal(sha256, *known[:3]) else None
        except Exception as error:  # as above
            log.warning("shard_cache_failed", operation="get", error=str(error))
            return None

    def _set(self, key: str, value: object) -> None:
        try:
            self.cache.set(key, value)
        except Exception as error:  # as above
            log.warning("shard_cache_failed", operation="set", error=str(error))


def _key(sha256: str) -> str:
    return f"sealed-{FORMAT}-{sha256}"


def _file_key(sha256: str) -> str:
    return f"unpacked-{sha256}"


def _file_value(sha256: str, unpacked: str) -> tuple[str, str]:
    """Return what is kept of a file: what it unpacks to, and the seal of both."""
    return unpacked, hashlib.sha256(f"{sha256} unpacks to {unpacked}".encode()).hexdigest()


def _made(text: bytes, sha256: str, *, with_xz: bool) -> _Value:
    block = xz_block(text) if with_xz else XzBlock(b"", 0)
    packed = gzip_member(text)
    if not _reads_back(text, packed, block):
        raise CandidateRefused(
            f"The compressed forms of the shard {sha256} do not unpack to it.",
            remedy="Check this machine's memory: its compression can't be relied on.",
        )
    return (packed, block.body, block.unpadded, _seal(sha256, packed, block.body, block.unpadded))


def _seal(sha256: str, packed: bytes, block: bytes, unpadded: int) -> str:
    digest = hashlib.sha256(f"{sha256} {len(packed)} {unpadded} ".encode())
    digest.update(packed)
    digest.update(block)
    return digest.hexdigest()


def _reads_back(text: bytes, packed: bytes, block: XzBlock) -> bool:
    if _unpacked(GZIP, packed) != text:
        return False
    if not block.body:
        return True
    try:
        return read_xz_block(block, len(text)) == text
    except UNREADABLE:
        return False


def _unpacked(ending: str, body: bytes) -> bytes | None:
    try:
        return READERS[ending](body)
    except UNREADABLE:
        return None
