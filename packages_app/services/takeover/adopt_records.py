"""The records of an adopted repository written, and its files brought in before them where they are copied."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from packages_app.adoption.index import Span, spans_of
from packages_app.adoption.survey import LeftOut, Survey, left_out_as
from packages_app.core.batches import batches_of
from packages_app.core.document import record_in
from packages_app.core.errors import RepomgrError
from packages_app.core.ports import Progress, Silent
from packages_app.core.record import PackageRecord, TableKey
from packages_app.services import adapters
from packages_app.services.intake.spread import spread
from packages_app.services.intake.store_and_record import CheckedFile, store_and_record
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.takeover.adopt_files import fetched
from packages_app.services.takeover.adoption_request import WAY, WHO, Adopted, AdoptionRequest, Part, PoolFiles

_BYTES, _BYTES_OF_FILES = 2 * 1024 * 1024, 256 * 1024
"""So much of the records, in their documents, is written at once: about 1,000 of Debian's, or 130 with their files."""
_BATCH_OF_FILES = 200
_END_OF_LINE = re.compile(rb"\n")
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
    write = partial(_write_some, request, survey.left_out())
    for part in parts:  # one after the other: a package that two of them have joins the suites of both
        spans = spans_of(part.kept, _BYTES_OF_FILES if copies else _BYTES, _END_OF_LINE)
        work = partial(write, part.kept)
        for read, written in map(work, spans) if copies else spread(work, spans):
            result.take_written(written)
            done += read
            progress.advance(done, total)


def _write_some(request: AdoptionRequest, left_out: Container[LeftOut], kept: Path, span: Span) -> tuple[int, Adopted]:
    """Bring the records of a span of a file of documents in; return how many there are, and what came of them."""
    written = Adopted()
    with kept.open("rb") as stream:
        stream.seek(span[0])
        found = [record_in(line) for line in stream.read(span[1] - span[0]).splitlines()]
    copies = request.pool is PoolFiles.COPY
    for batch in batches_of(found, _BATCH_OF_FILES if copies else len(found)):
        records: dict[TableKey, PackageRecord] = {}
        for record in batch:
            if left_out_as(record) not in left_out:
                records.setdefault(record.key, record)
        if copies:
            _copy(request, list(records.values()), written)
        else:
            _write([_recorded_alone(record) for record in records.values()], request, written)
    return len(found), written


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
    outcomes = store_and_record(files, Silent()) if files else []
    mirror_records([outcome.record for outcome in outcomes if outcome.record is not None], ask=True)
    for outcome in outcomes:
        result.added += outcome.added
        result.cautioned.note([outcome.file.record] if outcome.added else [])
        if outcome.error is not None:
            _refuse(outcome.file.name, outcome.error, request, result)


def _refuse(name: str, error: RepomgrError, request: AdoptionRequest, result: Adopted) -> None:
    if not request.skip_broken:
        raise error
    result.fault(f"{name}: {error.message}")
