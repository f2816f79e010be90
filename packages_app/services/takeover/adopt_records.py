"""The records of an adopted repository written, and its files brought in before them where they are copied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from packages_app.adoption.survey import Survey
from packages_app.core.batches import batches_of
from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Progress, Silent
from packages_app.core.record import PackageRecord, TableKey
from packages_app.services import adapters
from packages_app.services.intake.store_and_record import CheckedFile, store_and_record
from packages_app.services.takeover.adopt_files import fetched
from packages_app.services.takeover.adoption_request import WAY, WHO, Adopted, AdoptionRequest, Part, PoolFiles

_BATCH = 2000
_BATCH_OF_FILES = 200
_FETCHED_BYTES = 512 * 1024 * 1024
"""So much of a repository's files is on this machine's disk at a time, or one file that is larger."""


def write_records(
    request: AdoptionRequest, parts: Sequence[Part], survey: Survey, result: Adopted, progress: Progress
) -> None:
    """Bring files and records in, a batch at a time; what the survey left out is left out, in `result` is counted.

    Raise the error of a file that is missing or wrong, unless those are skipped.
    """
    total, done = sum(result.stanzas.values()), 0
    copies = request.pool is PoolFiles.COPY
    progress.step("copy files and write records" if copies else "write records", f"{total} stanzas")
    for part in parts:
        for batch in batches_of(part.records_again(), _BATCH_OF_FILES if copies else _BATCH):
            records: dict[TableKey, PackageRecord] = {}
            for record in batch:
                if not survey.is_left_out(record):
                    records.setdefault(record.key, record)
            if copies:
                _copy(request, list(records.values()), result)
            else:
                _write([_recorded_alone(record) for record in records.values()], request, result)
            done += len(batch)
            progress.advance(done, total)


def _copy(request: AdoptionRequest, records: Sequence[PackageRecord], result: Adopted) -> None:
    """Fetch the files of records that our table does not have, and write those; the others join their suites."""
    known = adapters.package_table().get_many([record.key for record in records])
    _write([_recorded_alone(record) for record in records if record.key in known], request, result)
    for some in _portions(record for record in records if record.key not in known):
        with fetched(request, some) as outcomes:
            for record, error in zip(some, outcomes, strict=True):
                if isinstance(error, RepomgrError):
                    _refuse(record.named, error, request, result)
            _write([file for file in outcomes if isinstance(file, CheckedFile)], request, result)


def _recorded_alone(record: PackageRecord) -> CheckedFile:
    return CheckedFile(record.named, record, None, WHO, WAY)


def _portions(records: Iterable[PackageRecord]) -> Iterator[list[PackageRecord]]:
    """Return records in portions whose files may be on disk together."""
    portion: list[PackageRecord] = []
    size = 0
    for record in records:
        size += record.file_size or 0
        if portion and size > _FETCHED_BYTES:
            yield portion
            portion, size = [], record.file_size or 0
        portion.append(record)
    if portion:
        yield portion


def _write(files: Sequence[CheckedFile], request: AdoptionRequest, result: Adopted) -> None:
    for outcome in store_and_record(files, Silent()) if files else ():
        result.added += outcome.added
        result.cautioned.note([outcome.file.record] if outcome.added else [])
        if outcome.error is not None:
            _refuse(outcome.file.name, outcome.error, request, result)


def _refuse(name: str, error: RepomgrError, request: AdoptionRequest, result: Adopted) -> None:
    if not request.skip_broken:
        raise error
    result.fault(f"{name}: {error.message}")
