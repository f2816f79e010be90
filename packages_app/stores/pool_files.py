"""Which files that a candidate names are not in the pool."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packages_app.core.ports import ObjectStore


def missing_of(bucket: ObjectStore, paths: Collection[str]) -> tuple[str, ...]:
    """Return the keys that are not there, sorted."""
    return tuple(sorted(set(paths) - set(bucket.sizes_of(paths))))


def missing_or_other(bucket: ObjectStore, files: Mapping[str, int]) -> tuple[str, ...]:
    """Return the keys of files that are not there, or have another size than recorded (bytes), sorted."""
    sizes = bucket.sizes_of(files)
    return tuple(sorted(path for path, size in files.items() if sizes.get(path) != size))
