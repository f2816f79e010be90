"""Intake of many small files by one job: in the order of DESIGN 3 for each, and one bad file never stops another."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from django.db import transaction

from packages_app.core.bundle import pack, unpack
from packages_app.core.checksums import Checksums, checksums_of_bytes
from packages_app.core.errors import (
    ImmutableObjectConflict,
    ObjectNotFound,
    PackageRefused,
    RepomgrError,
    VersionConflict,
)
from packages_app.core.ports import Progress, Written
from packages_app.core.record import PackageRecord, TableKey
from packages_app.debian.deb_file import read_deb
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.intake.conflicts import quarantine_conflict
from packages_app.services.intake.take_in import (
    Origin,
    Place,
    check_fits,
    conflict_with,
    place_of,
    record_of,
    see_in_pool,
    taken_path,
)
from packages_app.services.intake.uploads import target_of, upload_targets, uploader_of
from packages_app.services.jobs import queue
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.requests import request_publications
from packages_app.stores.immutable import put_many_immutable
from packages_app.stores.pool_files import missing_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class _File:
    """A sound file, and the record that it is to have."""

    name: str
    body: bytes
    checksums: Checksums
    record: PackageRecord


_Known = dict[TableKey, tuple[_File, PackageRecord]]
"""Files whose record is in the table, by its key."""


@dataclass
class _Batch:
    """A job's work: who wants it, and the sentences about what was refused."""

    job: Job
    progress: Progress
    refused: list[str] = field(default_factory=list)

    def refuse(self, name: str, error: RepomgrError) -> None:
        """Take note of a file that is not taken in."""
        self.refused.append(f"{name}: {error}")
        self.progress.note(self.refused[-1], level="error")

    def refuse_conflict(self, file: _File, error: VersionConflict) -> None:
        """Quarantine a file whose version is there with other bytes."""
        record = file.record
        with tempfile.TemporaryDirectory(prefix="repomgr-conflict-") as folder:
            path = Path(folder) / "package.deb"
            path.write_bytes(file.body)
            key = (record.package_name, record.version, record.architecture)
            origin = uploader_of(self.job)
            error = quarantine_conflict(path, file.checksums, key, origin, job=self.job, error=error)
        self.refuse(file.name, error)


def stage_batch(
    files: Sequence[tuple[str, bytes]],
    *,
    suite: str = "",
    component: str = "",
    user: queue.Asker | None = None,
    wake_worker: bool = True,
) -> Job:
    """Put files, each a name and its bytes, into staging as one object and ask for their intake; gives the job."""
    staged = f"uploads/{uuid4().hex}/{len(files)}-files"
    adapters.staging().put(staged, pack(files))
    arguments = {"staged": staged, "suite": suite, "component": component, "files": len(files)}
    return queue.enqueue(Job.Kind.UPLOAD, arguments, user=user, wake_worker=wake_worker)


def intake_batch(job: Job, progress: Progress) -> dict[str, Any]:
    """Take the files of a staged batch in; safe to repeat.

    Gives {"files", "new", "known", "refused"}, the last a sentence for each file that was not taken in. Conflicting
    files are quarantined. Raises `PackageRefused` when every one was refused, and what stores and table raise.
    """
    staged, batch = job.arguments["staged"], _Batch(job, progress)
    progress.step("fetch from staging", f"{job.arguments['files']} files")
    try:
        bundle = adapters.staging().read(staged)
    except ObjectNotFound:
        progress.note("an earlier run has taken in what could be; it was interrupted after that")
        return _result(batch, new=0, known=0)
    progress.step("check packages")
    new, known, again = _told_apart(_sound_files(unpack(bundle), batch), batch)
    progress.step("store in pool", f"{len(new)} files")
    stored = _store(new, batch)
    progress.step("record", f"{len(stored)} packages")
    added = _write(stored, known, batch)
    _show(known, added)
    adapters.staging().delete(staged)
    result = _result(batch, new=len(added), known=len(known) - len(added) + again)
    if batch.refused and not known:
        raise PackageRefused(
            f"None of the {job.arguments['files']} files was taken in. {batch.refused[0]}",
            remedy="Each is named with its remedy among the job's notes.",
        ).with_result(result)
    return result


def _result(batch: _Batch, *, new: int, known: int) -> dict[str, Any]:
    return {"files": batch.job.arguments["files"], "new": new, "known": known, "refused": batch.refused}


def _sound_files(files: Iterable[tuple[str, bytes]], batch: _Batch) -> Iterator[_File]:
    """Give the files that may be taken in; the others are refused."""
    targets, repository, arguments = upload_targets(), adapters.repository(), batch.job.arguments
    places: dict[str, Place] = {}
    for name, body in files:
        try:
            contents = read_deb(BytesIO(body), len(body))
            definition = target_of(contents, targets)
            check_fits(contents, definition)
            if definition.name not in places:
                places[definition.name] = place_of(
                    definition, repository, suite=arguments["suite"], component=arguments["component"]
                )
            checksums = checksums_of_bytes(body)
            record = record_of(contents, checksums, definition, places[definition.name], Origin())
        except RepomgrError as error:
            batch.refuse(name, error)
        else:
            yield _File(name, body, checksums, record)


def _told_apart(files: Iterable[_File], batch: _Batch) -> tuple[list[_File], _Known, int]:
    """Give the new files, the known ones with their records by key, and how many were in the batch before."""
    all_files = list(files)
    recorded = adapters.package_table().get_many({file.record.key for file in all_files})
    first: dict[TableKey, _File] = {}
    known: _Known = {}
    again = 0
    for file in all_files:
        key = file.record.key
        before = recorded.get(key) or (first[key].record if key in first else None)
        if before is not None and not before.same_bytes_as(file.record):
            batch.refuse_conflict(file, conflict_with(file.record, before))
        elif key in first or key in known:
            again += 1
        elif before is not None:
            known[key] = (file, before)
        else:
            first[key] = file
    return list(first.values()), known, again


def _store(files: list[_File], batch: _Batch) -> list[tuple[_File, bool]]:
    """Put files into the pool; gives those that are there, and whether each was written just now."""
    stored = []
    objects = [(file.record.pool_path, file.body, file.checksums) for file in files]
    for file, outcome in zip(files, put_many_immutable(adapters.bucket(), objects), strict=True):
        if isinstance(outcome, ImmutableObjectConflict):
            batch.refuse_conflict(file, taken_path(file.record, outcome))
        else:
            stored.append((file, outcome))
    return stored


def _write(stored: list[tuple[_File, bool]], known: _Known, batch: _Batch) -> set[TableKey]:
    """Write the records of stored files and bring the suites of known ones up to date, all in `known` then.

    Gives the keys of those that were added.
    """
    table = adapters.package_table()
    added: set[TableKey] = set()
    taken: list[_File] = []
    for (file, _), written in zip(stored, _written([file for file, _ in stored], batch), strict=True):
        if written is Written.ADDED:
            added.add(file.record.key)
            known[file.record.key] = (file, file.record)
        elif written is Written.ALREADY_THERE:
            taken.append(file)
    recorded = table.get_many([file.record.key for file in taken]) if taken else {}
    known |= {file.record.key: (file, recorded.get(file.record.key, file.record)) for file in taken}
    fresh = {file.record.key for file, new in stored if new}
    found = [(file, record) for key, (file, record) in known.items() if key not in fresh]
    gone = set(missing_of(adapters.bucket(), [record.pool_path for _, record in found])) if found else set()
    for file, record in found:
        if record.pool_path in gone:
            see_in_pool(record, file.body, file.checksums)
    for key, (file, record) in known.items():
        if missing := set(file.record.suites) - set(record.suites):
            known[key] = (file, table.set_suites(record, {*record.suites, *missing}))
    return added


def _written(files: list[_File], batch: _Batch) -> list[Written | None]:
    """Write records; gives what each write did, None for a conflict."""
    table = adapters.package_table()
    if not files:
        return []
    try:
        return list(table.put_many_new([file.record for file in files]))
    except VersionConflict:  # somebody was faster, with other bytes: which file it is, writing one by one tells
        return [_written_alone(file, batch) for file in files]


def _written_alone(file: _File, batch: _Batch) -> Written | None:
    try:
        return adapters.package_table().put_new(file.record)
    except VersionConflict as error:
        batch.refuse_conflict(file, error)
        return None


def _show(known: _Known, added: set[TableKey]) -> None:
    """Mirror the records and ask for the publications that show them."""
    records = [record for _, record in known.values()]
    with transaction.atomic():
        if mirror_records(records) or added:
            request_publications({suite for record in records for suite in record.suites})
    log.info("packages_taken_in", packages=[f"{package_id} {name}" for package_id, name in known], new=len(added))
