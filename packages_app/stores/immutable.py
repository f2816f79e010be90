"""Writing objects that never change: pool files and by-hash indexes (docs/ARCHITECTURE.md, Promises)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import structlog

from packages_app.core.at_once import at_once
from packages_app.core.checksums import chunks_of, sha256_of
from packages_app.core.errors import ImmutableObjectConflict, ObjectExists, ObjectNotFound
from packages_app.core.ports import ObjectStore


class Hashed(Protocol):
    """What tells the SHA256 of some bytes, lower-case hex."""

    @property
    def sha256(self) -> str:
        """The digest."""


log = structlog.get_logger(__name__)


def put_immutable(store: ObjectStore, key: str, body: bytes | Path, checksums: Hashed) -> bool:
    """Write an object unless its key is there; True when it was written.

    The same bytes there already: False, nothing changes. Other bytes: raises `ImmutableObjectConflict`, an alarm.
    """
    try:
        store.put(key, body, if_none_match=True)
    except ObjectExists:
        return _put_beside(store, key, body, checksums)
    return True


def put_many_immutable(
    store: ObjectStore, objects: Sequence[tuple[str, bytes, Hashed]]
) -> list[bool | ImmutableObjectConflict]:
    """Write small objects, each a key, its bytes and their checksums, as `put_immutable` does each, faster.

    Return what it would return or raise for each, in their order; raise other errors, some may be written by then.
    """
    written = store.put_many_new([(key, body) for key, body, _ in objects])
    there = [number for number, new in enumerate(written) if not new]
    outcomes: list[bool | ImmutableObjectConflict] = list(written)
    looked_at = at_once([partial(_beside, store, objects[number]) for number in there], store.at_once)
    for number, outcome in zip(there, looked_at, strict=True):
        outcomes[number] = outcome
    return outcomes


def _beside(store: ObjectStore, each: tuple[str, bytes, Hashed]) -> bool | ImmutableObjectConflict:
    try:
        return _put_beside(store, *each)
    except ImmutableObjectConflict as error:
        return error


def _put_beside(store: ObjectStore, key: str, body: bytes | Path, checksums: Hashed) -> bool:
    """Look at what stands at a key already; True when it went meanwhile, and the object is written."""
    try:
        check_same(store, key, checksums)
    except ObjectNotFound:  # an orphan that a sweep took this moment
        store.put(key, body, if_none_match=True)
        return True
    return False


def check_same(store: ObjectStore, key: str, checksums: Hashed) -> None:
    """Raise `ImmutableObjectConflict` where an object has other bytes than these, `ObjectNotFound` where none is."""
    # Only a repeated intake comes here, so reading the object is cheaper than keeping its hash beside each one.
    with store.open(key) as stream:
        stored = sha256_of(chunks_of(stream))
    if stored != checksums.sha256:
        log.error("immutable_object_conflict", key=key, stored=stored, offered=checksums.sha256)
        raise ImmutableObjectConflict(
            f"{key} holds SHA256 {stored}, not {checksums.sha256}.",
            remedy="Nothing was changed. Find out where the stored file came from before you remove it.",
        )
