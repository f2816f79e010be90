"""Indexes and Release under their canonical names, beside by-hash: for clients that ask by name.

They are replaced one by one while InRelease still names the old ones, so each write is conditional on the object that
this publisher saw at its start: one that lost its lease while it stood still can't put an old index over a newer one.
Each object says its SHA256, so that one left by an interrupted publication is known and mended.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from packages_app.core.at_once import at_once
from packages_app.core.errors import ObjectChanged, ObjectExists
from packages_app.core.layout import suite_path
from packages_app.core.ports import ObjectInfo, ObjectStore
from packages_app.core.repository import Suite
from packages_app.indexes.packages import plan_of

_SHA256 = "sha256"

Seen = Mapping[str, ObjectInfo | None]
"""What was at each canonical key at the start."""


def look_at_canonical(store: ObjectStore, suite: Suite) -> Seen:
    """Tell of every object of a suite but InRelease that is written under a canonical name."""
    keys = [
        suite_path(suite.name, name)
        for name in (*plan_of(suite).stored, *plan_of(suite).diff_names, "Release", "Release.gpg")
    ]
    infos = at_once([partial(store.head, key) for key in keys], store.at_once)
    return dict(zip(keys, infos, strict=True))


def in_place(key: str, sha256: str, seen: Seen) -> bool:
    """Return whether the object seen at a key is the one with this SHA256."""
    known = seen.get(key)
    return known is not None and known.metadata.get(_SHA256) == sha256


def put_canonical(
    store: ObjectStore, key: str, body: bytes | Path, sha256: str, seen: Seen, *, again: bool = False
) -> bool:
    """Write an object, which has this SHA256, unless it is in place (or `again`); True when it was written.

    Raise `ObjectChanged` when another publisher has written it since.
    """
    if in_place(key, sha256, seen) and not again:
        return False
    known = seen.get(key)
    try:
        store.put(
            key,
            body,
            metadata={_SHA256: sha256},
            if_none_match=known is None,
            if_match=known.etag if known is not None else None,
        )
    except ObjectExists as error:
        raise ObjectChanged(
            f"{key} is there by now: another publisher was at work.", remedy="Nothing: its publication counts."
        ) from error
    return True
