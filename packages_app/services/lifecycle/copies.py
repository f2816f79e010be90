"""Every copy of purged bytes that is ours: in the pool, in the bucket's root, and in staging."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import structlog

from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import ObjectNotFound, StoreMissing
from packages_app.core.ports import ObjectStore, Progress
from packages_app.core.record import TableKey
from packages_app.core.suite_change import PurgeUnfinished, RemovalRefused
from packages_app.services import adapters
from packages_app.sources.build_script import BuildScriptSettings
from packages_app.sweeping.sweep import SWEPT

_PROBE = "probe-of-purge"
"""Named like no package: no pool has such an object."""
_WHO_MAY = (
    "Do it where s3:DeleteObject is allowed: with a process `sweeper` of its own (SWEEPER), which has"
    " deploy/iam-policy-sweeper.json, or by manage.py purge with that policy; then start the job again."
)

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


def check_removable(files: Sequence[PurgedFile]) -> None:
    """Raise `RemovalRefused` where files may not be deleted from the pool; nothing is changed.

    S3 asks for the same right when an object is deleted that is not there: one beside each file is. So it is known
    before anything else of a purge is done.
    """
    bucket = adapters.bucket()
    there = [file.path for file in files if file.path and bucket.head(file.path) is not None]
    for folder in sorted({path.rpartition("/")[0] for path in there}):
        try:
            bucket.delete(f"{folder}/{_PROBE}")
        except StoreMissing as error:
            raise RemovalRefused(
                f"Nothing may be deleted from {folder}/: {error.message}",
                remedy=f"{_WHO_MAY} Nothing was changed.",
            ) from error


def remove_from_root(files: Sequence[PurgedFile], progress: Progress) -> list[str]:
    """Remove convenience copies that are these files; return their keys. Raise `RemovalRefused`."""
    removed = []
    for key in _in_root(adapters.bucket(), files):
        try:
            removed += _remove(adapters.bucket(), key, "bucket", progress)
        except StoreMissing as error:
            raise RemovalRefused(
                f"{key} may not be deleted from the bucket: {error.message}",
                remedy=f"{_WHO_MAY} The suites are published without the version; its record and file are there.",
            ) from error
    return removed


def remove_copies(files: Sequence[PurgedFile], progress: Progress) -> list[str]:
    """Remove files from the pool, and every copy of their bytes; return the keys of what was removed.

    Raise `PurgeUnfinished`, which names the object, where one may not be deleted.
    """
    removed: list[str] = []
    try:
        for store, name, key in _copies(files):
            removed += _remove(store, key, name, progress)
    except StoreMissing as error:
        raise PurgeUnfinished(
            f"The version is purged, and {key} may not be deleted from the {name}: {error.message}",
            remedy=f"{_WHO_MAY} Or delete that object yourself. Then start the job again, which goes on; no index names"
            " it any more.",
        ).with_result({"objects": removed}) from error
    return removed


def _copies(files: Sequence[PurgedFile]) -> Iterator[tuple[ObjectStore, str, str]]:
    """Yield store, its name, and key of each object that has the bytes of one of these files."""
    bucket, staging = adapters.bucket(), adapters.staging()
    yield from ((bucket, "bucket", file.path) for file in files if file.path and bucket.head(file.path) is not None)
    yield from ((bucket, "bucket", key) for key in _in_root(bucket, files))
    yield from ((staging, "staging", key) for key in _in_staging(staging, files))


def staged_prefixes() -> list[str]:
    """Return below which prefixes staging holds packages, sorted."""
    settings = ((one.name, one.source_settings) for one in adapters.definitions().by_name.values())
    builds = {build.prefix_for(name) for name, build in settings if isinstance(build, BuildScriptSettings)}
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
    store.delete(key)
    log.warning("object_purged", store=name, key=key)
    progress.note(f"removed {key} from the {name}")
    return [key]
