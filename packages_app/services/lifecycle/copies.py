"""Every copy of purged bytes that is ours: in the pool, in the bucket's root, and in staging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import structlog

from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import ObjectNotFound, StoreMissing
from packages_app.core.ports import ObjectStore, Progress
from packages_app.core.record import TableKey
from packages_app.services import adapters
from packages_app.sources.build_script import BuildScriptSettings
from packages_app.sweeping.sweep import SWEPT

log = structlog.get_logger(__name__)


class PurgedFile(NamedTuple):
    """The file of a purged record: where it is in the pool, its size in bytes, and its SHA256."""

    package_id: str
    built_for: str
    path: str
    size: int
    sha256: str

    @property
    def key(self) -> TableKey:
        """The record's key."""
        return self.package_id, self.built_for


def remove_copies(files: Sequence[PurgedFile], progress: Progress) -> list[str]:
    """Remove files from the pool, and every copy of their bytes; return the keys of what was removed.

    Raise `StoreMissing` that names the file and the right where nothing may be deleted.
    """
    bucket, staging = adapters.bucket(), adapters.staging()
    removed = []
    for file in files:
        if file.path and bucket.head(file.path) is not None:
            removed += _remove(bucket, file.path, "bucket", progress)
    for key in _in_root(bucket, files):
        removed += _remove(bucket, key, "bucket", progress)
    for key in _in_staging(staging, files):
        removed += _remove(staging, key, "staging", progress)
    return removed


def staged_prefixes() -> list[str]:
    """Return below which prefixes staging holds packages, sorted."""
    settings = (one.source_settings for one in adapters.definitions().by_name.values())
    builds = {one.staging_prefix for one in settings if isinstance(one, BuildScriptSettings)}
    return sorted({"uploads/", "quarantine/", SWEPT, *(f"{prefix}/" for prefix in builds)})


def _in_root(bucket: ObjectStore, files: Sequence[PurgedFile]) -> Iterator[str]:
    """Yield the convenience copies that still are these files: of a package that no suite has in another version."""
    purged = {file.sha256 for file in files}
    for definition in adapters.definitions().bootstrap_packages():
        copy = bucket.head(definition.bootstrap.copy) if definition.bootstrap else None
        if copy is not None and copy.metadata.get("sha256") in purged:
            yield copy.key


def _in_staging(staging: ObjectStore, files: Sequence[PurgedFile]) -> Iterator[str]:
    """Yield the objects of staging that have the bytes of one of these files, or were taken from its place."""
    sums = {(file.size, file.sha256) for file in files}
    sizes, ends = {file.size for file in files}, tuple(f"/{file.path}" for file in files if file.path)
    for prefix in staged_prefixes():
        for key, size in [*staging.keys(prefix)]:
            if (prefix == SWEPT and key.endswith(ends)) or (size in sizes and _has_one_of(staging, key, sums)):
                yield key


def _has_one_of(staging: ObjectStore, key: str, sums: set[tuple[int, str]]) -> bool:
    try:
        with staging.as_local_file(key) as path:
            found = checksums_of_file(path)
    except ObjectNotFound:  # somebody else has removed it
        return False
    return (found.size, found.sha256) in sums


def _remove(store: ObjectStore, key: str, name: str, progress: Progress) -> list[str]:
    try:
        store.delete(key)
    except StoreMissing as error:
        raise StoreMissing(
            f"{key} may not be deleted from the {name}: {error.message}",
            remedy=f"Allow s3:DeleteObject on it, or delete it yourself; then start the job again, which goes on. {key}"
            " is named by no index any more.",
        ) from error
    log.warning("object_purged", store=name, key=key)
    progress.note(f"removed {key} from the {name}")
    return [key]
