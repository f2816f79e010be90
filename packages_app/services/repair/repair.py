"""Repair of pool files: the record's bytes brought back from where they still are, and nothing else ever taken."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from pathlib import Path

import structlog

from packages_app.core.checksums import Checksums, checksums_of, checksums_of_file, chunks_of
from packages_app.core.conflict import conflict_between, same_file
from packages_app.core.errors import ObjectNotFound, RepomgrError
from packages_app.core.ports import ObjectStore, Progress
from packages_app.core.record import PackageRecord
from packages_app.services import adapters
from packages_app.services.intake.conflicts import quarantine
from packages_app.services.verification.verify_pool import ORPHAN_AGE, sweep_of
from packages_app.stores.immutable import put_immutable
from packages_app.stores.local_copy import copy_to_file
from packages_app.stores.pool_files import missing_of
from packages_app.sweeping.sweep import Leftover

_SLACK_BYTES = 1

log = structlog.get_logger(__name__)


class SourceKind(StrEnum):
    """Where a file's bytes may still be."""

    BUCKET = "bucket"
    STAGING = "staging"
    VENDOR = "vendor"


@dataclass(frozen=True)
class RepairSource:
    """Where a pool file is brought back from: a key of the bucket or of staging, or the vendor's address."""

    place: SourceKind
    name: str

    def __str__(self) -> str:
        return self.name if self.place is SourceKind.VENDOR else f"{self.name} in the {self.place}"


@dataclass
class Repaired:
    """Pool paths brought back, and those that could not be, with the reason."""

    repaired: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def repair_pool(suites: Iterable[str], progress: Progress) -> Repaired:
    """Bring back every pool file that a record of these suites names and the bucket lacks.

    Records of other suites are not read, and their files not looked at. One failure never stops the others.
    """
    progress.step("look for missing pool files")
    table = adapters.package_table()
    keys = {record.pool_path: record.key for suite in suites for record in table.records_of(suite) if record.pool_path}
    gone = missing_of(adapters.bucket(), keys.keys())
    missing = sorted(table.get_many({keys[path] for path in gone}).values(), key=attrgetter("pool_path"))
    outcome = Repaired()
    progress.step("fetch missing pool files", str(len(missing)))
    repair_source_of = repair_sources()
    for done, record in enumerate(missing):
        try:
            restore_pool_file(record, repair_source_of(record), progress)
        except RepomgrError as error:
            outcome.failed.append(f"{record.pool_path}: {error.message}")
            progress.note(f"{record.pool_path} could not be repaired: {error}", level="error")
        else:
            outcome.repaired.append(record.pool_path)
            progress.note(f"{record.pool_path} is back")
        progress.advance(done + 1, len(missing))
    log.info("pool_repaired", repaired=outcome.repaired, failed=outcome.failed)
    return outcome


def repair_sources() -> Callable[[PackageRecord], RepairSource]:
    """Return what finds a record's bytes: in a convenience copy, among what the sweep took, else at the vendor's.

    It raises `RepomgrError` when they can't be had again.
    """
    copies = {d.name: d.bootstrap.copy for d in adapters.definitions().bootstrap_packages() if d.bootstrap}
    swept = sweep_of(ORPHAN_AGE, lambda: None, adapters.now()).swept()

    def repair_source_of(record: PackageRecord) -> RepairSource:
        copy = copies.get(record.package_name, "")
        if copy and _holds(adapters.bucket(), copy, record):
            return RepairSource(SourceKind.BUCKET, copy)
        taken: Leftover | None = swept.get(record.pool_path)
        if taken is not None and _holds(adapters.staging(), taken.key, record):
            return RepairSource(SourceKind.STAGING, taken.key)
        if not record.deb_url.startswith(("http://", "https://")):
            raise RepomgrError(
                f"{record.named} was uploaded, not fetched; there is nowhere to fetch it from.",
                remedy=f"Upload the same file again: its SHA256 is {record.sha256_hash}.",
            )
        return RepairSource(SourceKind.VENDOR, record.deb_url)

    return repair_source_of


def restore_pool_file(record: PackageRecord, source: RepairSource, progress: Progress) -> str:
    """Bring a record's file back into the pool; return the key in staging of wrong bytes that it replaced, or "".

    Raise `UpstreamError` when the vendor's file is another one by now, and `RepomgrError` when the origin is.
    """
    with tempfile.TemporaryDirectory(prefix="repomgr-repair-") as folder:
        target = Path(folder) / "package.deb"
        checksums = _brought(record, source, target, progress)
        present = adapters.bucket().head(record.pool_path)
        if present is None:
            put_immutable(adapters.bucket(), record.pool_path, target, checksums)
            return ""
        kept = _set_wrong_bytes_aside(record, Path(folder) / "wrong.deb")
        if kept:
            # Pool objects are never replaced, but for this: what is there is not what the record, and with it every
            # index that clients have, says. The record's own bytes restore what clients had; no other bytes may.
            adapters.bucket().put(record.pool_path, target, if_match=present.etag)
            log.warning("pool_file_restored", key=record.pool_path, source=str(source), wrong_bytes=kept)
        return kept


def _brought(record: PackageRecord, source: RepairSource, target: Path, progress: Progress) -> Checksums:
    """Bring the bytes to a local file, and see that they are the record's."""
    if source.place is SourceKind.VENDOR:
        return adapters.fetcher().download(
            source.name,
            target,
            limit_bytes=(record.file_size or 0) + _SLACK_BYTES,
            expected_size=record.file_size,
            expected_sha256=record.sha256_hash,
            progress=progress,
        )
    store = adapters.bucket() if source.place is SourceKind.BUCKET else adapters.staging()
    copy_to_file(store, source.name, target)
    checksums = checksums_of_file(target)
    if conflict_between(record.file_identity, checksums.file_identity):
        raise RepomgrError(
            f"{source} has {checksums.file_identity} by now, not that of {record.named}.",
            remedy="Verify again: a repair may find the file elsewhere.",
        )
    return checksums


def _set_wrong_bytes_aside(record: PackageRecord, path: Path) -> str:
    """Keep what stands at a record's pool path in quarantine; return its key there, "" when it is the record's file."""
    copy_to_file(adapters.bucket(), record.pool_path, path)
    checksums = checksums_of_file(path)
    if not conflict_between(record.file_identity, checksums.file_identity):
        return ""
    return quarantine(path, checksums.file_identity, record)


def _holds(store: ObjectStore, key: str, record: PackageRecord) -> bool:
    """Return whether an object has a record's bytes; it is read only when its size fits."""
    info = store.head(key)
    if info is None or info.size != record.file_size or not record.sha256_hash:
        return False
    try:
        with store.open(key) as stream:
            return same_file(record.file_identity, checksums_of(chunks_of(stream)).file_identity)
    except ObjectNotFound:
        return False
