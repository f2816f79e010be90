"""Doing what a plan of the sweep says. `keep_lease` is called before each deletion; it raises when it is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import structlog

from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import ObjectChanged, ObjectNotFound, StoreMissing
from packages_app.core.layout import suite_path
from packages_app.core.ports import ObjectStore
from packages_app.core.record import PackageRecord
from packages_app.stores.immutable import put_immutable
from packages_app.sweeping.retired import RetiredPlan
from packages_app.sweeping.sweep import SWEPT, Leftover, SuitePlan, Sweep

_BATCH = 50

log = structlog.get_logger(__name__)


def remove_generations(sweep: Sweep, plan: SuitePlan) -> None:
    """Remove a suite's old by-hash objects (the table can make them again), then the generations that named them.

    Raise `ObjectChanged` when another InRelease is in place than the one that the plan was made for.
    """
    # Copies of publications first: who asks for that time goes by the indexes that may go next.
    for number, found in enumerate([*plan.snapshots, *plan.by_hash]):
        if number % _BATCH == 0:
            _check_in_place(sweep.bucket, plan)
        _remove(sweep.bucket, found, "bucket", sweep.keep_lease)
    remove_leftovers(sweep, plan.releases)


def remove_retired(sweep: Sweep, plan: RetiredPlan) -> None:
    """Remove what may go of a suite that is configured no more: what clients ask for first, then what it leads to."""
    for found in plan.objects:
        _remove(sweep.bucket, found, "bucket", sweep.keep_lease)
    remove_leftovers(sweep, plan.releases)


def remove_leftovers(sweep: Sweep, leftovers: Iterable[Leftover]) -> None:
    """Remove objects from staging."""
    for found in leftovers:
        _remove(sweep.staging, found, "staging", sweep.keep_lease)


def move_orphans(sweep: Sweep, orphans: Iterable[Leftover]) -> None:
    """Take files out of the pool, each once a copy of it is in staging.

    Raise `StoreMissing` when nothing may be deleted from the pool; the pool is then as it was.
    """
    for found in orphans:
        copy = f"{SWEPT}{sweep.now:%Y%m%d}/{found.key}"
        try:
            with sweep.bucket.as_local_file(found.key) as path:
                sweep.staging.put(copy, path)
        except ObjectNotFound:
            continue  # somebody else has removed it
        try:
            _remove(sweep.bucket, found, "bucket", sweep.keep_lease)
        except StoreMissing:
            sweep.staging.delete(copy)
            raise


def put_back_named(sweep: Sweep) -> list[str]:
    """Put pool files that were taken and that a record names by now back; return their keys in the pool.

    An intake that met an old orphan in the pool may write its record while that file is taken. Intake looks at the pool
    once more after the record is written, and this looks at the records after the file is gone: whichever was later
    sees the other. A sweep that died in between is made good by the next.
    """
    swept = sweep.swept()
    back = []
    for record in sweep.kept_records(swept) if swept else ():
        if put_back(sweep.bucket, sweep.staging, record, swept[record.pool_path]):
            back.append(record.pool_path)
    return back


def put_back(bucket: ObjectStore, staging: ObjectStore, record: PackageRecord, copy: Leftover) -> bool:
    """Put a record's file back into the pool from a copy in staging; return whether it was gone, and is there now."""
    if bucket.head(record.pool_path) is not None:
        return False
    with staging.as_local_file(copy.key) as path:
        checksums = checksums_of_file(path)
        if checksums.sha256 != record.sha256_hash:
            return False  # a file of the same name that is not this record's
        put_immutable(bucket, record.pool_path, path, checksums)
    log.warning("swept_file_put_back", key=record.pool_path, package=record.package_id)
    return True


def _check_in_place(bucket: ObjectStore, plan: SuitePlan) -> None:
    info = bucket.head(suite_path(plan.suite, "InRelease"))
    if info is None or info.etag != plan.etag:
        raise ObjectChanged(
            f"Suite {plan.suite} was published while it was swept.", remedy="Nothing: the sweep is made again."
        )


def _remove(store: ObjectStore, found: Leftover, name: str, keep_lease: Callable[[], None]) -> None:
    keep_lease()
    store.delete(found.key)
    log.info("object_swept", store=name, key=found.key, size=found.size)
