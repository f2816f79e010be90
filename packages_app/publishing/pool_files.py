"""Which files that a candidate names are not in the pool."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packages_app.core.ports import ObjectStore

_HEADS_AT_MOST = 100


def missing_of(bucket: ObjectStore, paths: Collection[str]) -> tuple[str, ...]:
    """Give the keys that are not there, sorted; of many, by listing: a thousand keys cost what one head costs."""
    if len(paths) < _HEADS_AT_MOST:
        return tuple(path for path in sorted(paths) if bucket.head(path) is None)
    there = {key for key, _ in bucket.keys("pool/")}
    return tuple(sorted(set(paths) - there))


def missing_or_other(bucket: ObjectStore, files: Mapping[str, int]) -> tuple[str, ...]:
    """Give the keys of files that are not there, or have another size than recorded (bytes), sorted."""
    sizes = dict(bucket.keys("pool/"))
    return tuple(sorted(path for path, size in files.items() if sizes.get(path) != size))
