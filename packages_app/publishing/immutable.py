"""Writing objects that never change: pool files and by-hash indexes (DESIGN 1, promise 3)."""

from __future__ import annotations

from pathlib import Path

import structlog

from packages_app.core.checksums import Checksums, checksums_of, chunks_of
from packages_app.core.errors import ImmutableObjectConflict, ObjectExists, ObjectNotFound
from packages_app.core.ports import ObjectStore

log = structlog.get_logger(__name__)


def put_immutable(store: ObjectStore, key: str, body: bytes | Path, checksums: Checksums) -> bool:
    """Write an object unless its key is there; True when it was written.

    The same bytes there already: False, nothing changes. Other bytes: raises `ImmutableObjectConflict`, an alarm.
    """
    try:
        store.put(key, body, if_none_match=True)
    except ObjectExists:
        try:
            _check_same(store, key, checksums)
        except ObjectNotFound:  # an orphan that a sweep took this moment
            store.put(key, body, if_none_match=True)
            return True
        return False
    return True


def _check_same(store: ObjectStore, key: str, checksums: Checksums) -> None:
    # Only a repeated intake comes here, so reading the object is cheaper than keeping its hash beside each one.
    with store.open(key) as stream:
        stored = checksums_of(chunks_of(stream))
    if stored.sha256 != checksums.sha256:
        log.error("immutable_object_conflict", key=key, stored=stored.sha256, offered=checksums.sha256)
        raise ImmutableObjectConflict(
            f"{key} holds SHA256 {stored.sha256}, not {checksums.sha256}.",
            remedy="Nothing was changed. Find out where the stored file came from before you remove it.",
        )
