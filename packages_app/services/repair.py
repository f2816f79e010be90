"""Repair: pool files that are gone, fetched again from where they came, taken only when they are the same bytes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.publishing.immutable import put_immutable
from packages_app.services import adapters

_SLACK_BYTES = 1

log = structlog.get_logger(__name__)


@dataclass
class Repaired:
    """Pool paths brought back, and those that could not be, with the reason."""

    repaired: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def repair_pool(progress: Progress) -> Repaired:
    """Fetch every pool file that a record names and the bucket lacks; one failure never stops the others."""
    progress.step("look for missing pool files")
    there = {key for key, _ in adapters.bucket().keys("pool/")}
    missing = [r for r in adapters.package_table().all_records() if r.pool_path and r.pool_path not in there]
    outcome = Repaired()
    progress.step("fetch missing pool files", str(len(missing)))
    for done, record in enumerate(missing):
        try:
            _fetch_again(record, progress)
        except RepomgrError as error:
            outcome.failed.append(f"{record.pool_path}: {error.message}")
            progress.note(f"{record.pool_path} could not be repaired: {error}", level="error")
        else:
            outcome.repaired.append(record.pool_path)
            progress.note(f"{record.pool_path} is back")
        progress.advance(done + 1, len(missing))
    log.info("pool_repaired", repaired=outcome.repaired, failed=outcome.failed)
    return outcome


def _fetch_again(record: PackageRecord, progress: Progress) -> None:
    if not record.deb_url.startswith(("http://", "https://")):
        raise RepomgrError(
            f"{record.package_id} was uploaded, not fetched; there is nowhere to fetch it from.",
            remedy=f"Upload the same file again: its SHA256 is {record.sha256_hash}.",
        )
    with tempfile.TemporaryDirectory(prefix="repomgr-repair-") as folder:
        target = Path(folder) / "package.deb"
        checksums = adapters.fetcher().download(
            record.deb_url,
            target,
            limit_bytes=(record.file_size or 0) + _SLACK_BYTES,
            expected_size=record.file_size,
            expected_sha256=record.sha256_hash,
            progress=progress,
        )
        put_immutable(adapters.bucket(), record.pool_path, target, checksums)
