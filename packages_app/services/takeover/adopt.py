"""Adoption: an existing repository of any tool taken over, its records from its signed indexes.

First everything is read, verified and compared; only when all of it fits is anything written. Each record is written
once and on condition, so a second run goes on where the first stopped.
"""

from __future__ import annotations

import tempfile
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import structlog

from packages_app.adoption.index import Index, fetch_index, indexes_of
from packages_app.adoption.noticed import differences, left_behind
from packages_app.adoption.release import ExistingRelease, read_release
from packages_app.adoption.survey import Survey
from packages_app.core.conflict import conflict_between
from packages_app.core.document import record_in
from packages_app.core.errors import RepositoryRefused
from packages_app.core.layout import ALL
from packages_app.core.ports import PackageTable, Progress
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Suite
from packages_app.services import adapters
from packages_app.services.lifecycle.shown import PreviewOutdated
from packages_app.services.publication.requests import known_suite, wake_publications
from packages_app.services.takeover.adopt_definitions import define_all, offer_definitions
from packages_app.services.takeover.adopt_records import write_records
from packages_app.services.takeover.adoption_request import POOL, Adopted, AdoptionRequest, Part, PoolFiles
from packages_app.services.takeover.read_stanzas import read_stanzas

_NAMED = 5

log = structlog.get_logger(__name__)


def adopt(request: AdoptionRequest, progress: Progress) -> Adopted:
    """Take over a repository's packages; return what was read and written.

    Raise `RepositoryRefused` for a bad signature, an index that is not what Release lists, stanzas of one version
    with different hashes, packages that our table has with other bytes, and files that are missing or wrong; with
    `skip_broken` single packages are left out instead. Nothing is written before all indexes were read and compared.
    """
    result = Adopted()
    with tempfile.TemporaryDirectory(prefix="repomgr-adopt-") as folder:
        parts = _fetch(request, Path(folder), result, progress)
        with closing(Survey(Path(folder))) as survey:
            _look(request, parts, survey, result, progress)
            texts = offer_definitions(request, result)
            if request.dry_run:
                return result
            if result.fault_count and not request.skip_broken:
                raise RepositoryRefused(
                    f"{result.fault_count} packages can't be adopted: {' '.join(result.faults[:_NAMED])}",
                    remedy="Correct the repository, or leave these out: --skip-broken. Nothing was written.",
                )
            write_records(request, parts, survey, result, progress)
    define_all(request, texts, result, progress)
    wake_publications({part.suite.name for part in parts})
    log.info("repository_adopted", added=result.added, known=result.known, faults=result.fault_count)
    return result


def _fetch(request: AdoptionRequest, folder: Path, result: Adopted, progress: Progress) -> list[Part]:
    """Verify each suite's Release, and fetch and check its indexes."""
    parts: list[Part] = []
    for theirs, ours in request.suites.items():
        suite = known_suite(ours)
        progress.step("read Release", theirs or "of a flat repository")
        release = read_release(request.repository, f"dists/{theirs}" if theirs else "", request.keyring)
        _tell(release, request, progress)
        chosen = indexes_of(release, request.components or None, request.architectures or (ALL, *suite.architectures))
        if not chosen:
            raise RepositoryRefused(
                f"The suite {theirs} has no index of the components and architectures asked for.",
                remedy="Check --component and --architecture against its Release.",
            )
        _check_seen(request, theirs, ours, release)
        result.releases[ours] = release.digest
        result.differences += differences(release, adapters.repository(), suite)
        result.left_behind += left_behind(release, chosen)
        progress.step("fetch indexes", f"{len(chosen)} of {theirs or 'a flat repository'}")
        for number, index in enumerate(chosen):
            component = _our_component(request, index, suite)
            target = folder / str(len(parts))
            target.mkdir()
            parts.append(Part(index, fetch_index(request.repository, release, index, target), suite, component))
            progress.advance(number + 1, len(chosen))
    return parts


def _check_seen(request: AdoptionRequest, theirs: str, ours: str, release: ExistingRelease) -> None:
    if request.seen is not None and request.seen.get(ours) != release.digest:
        raise PreviewOutdated(
            f"The suite {theirs or 'of the flat repository'} was published again since it was looked at.",
            remedy="Look at it again, and consent to what is shown then.",
        )


def _tell(release: ExistingRelease, request: AdoptionRequest, progress: Progress) -> None:
    fields = release.fields
    progress.note(f"{fields.get('origin', 'no origin')}, {fields.get('date', 'no date')}")
    if request.keyring is None:
        progress.note("its signature was not looked at", level="warning")
    try:
        ends = parsedate_to_datetime(fields.get("valid-until", "").replace("UTC", "+0000"))
    except (ValueError, OverflowError):  # a year beyond all
        return
    if ends.replace(tzinfo=ends.tzinfo or UTC) < datetime.now(UTC):  # -0000 gives a date of no zone
        progress.note(f"it expired: Valid-Until {fields['valid-until']}", level="warning")


def _our_component(request: AdoptionRequest, index: Index, suite: Suite) -> str:
    ours = request.components.get(index.component, index.component or suite.components[0])
    if ours not in suite.components:
        raise RepositoryRefused(
            f"The component {ours} is not in our suite {suite.name}.",
            remedy=f"Map it to one of {', '.join(suite.components)}: --component {index.component}=…, or configure it.",
        )
    return ours


def _look(request: AdoptionRequest, parts: list[Part], survey: Survey, result: Adopted, progress: Progress) -> None:
    """Read every stanza, and find what contradicts another one, our table, or the bucket."""
    if request.pool is PoolFiles.KEEP:
        progress.step("list the pool")
        survey.keep_files(adapters.bucket().keys(POOL))
    progress.step("compare with the package table")
    table, processed = adapters.package_table(), adapters.now().isoformat(timespec="seconds")
    for part in parts:
        place = (part.suite.name, part.component, part.index.architecture or "of a flat repository")
        with part.kept.open("wb") as kept:
            for read in read_stanzas(part, request, processed):
                kept.writelines(b"%b\n" % document for document in read.documents)
                for fault in read.faults:
                    result.fault(fault)
                result.stanzas[place] += len(read.documents) + len(read.faults)
                _compare(request, list(map(record_in, read.documents)), read.complaints, survey, table, result)
                progress.advance(sum(result.stanzas.values()), sum(result.stanzas.values()))
    result.packages = survey.packages


def _compare(
    request: AdoptionRequest, records: list[PackageRecord], complaints: dict[int, str], survey: Survey,
    table: PackageTable, result: Adopted,
) -> None:  # fmt: skip
    known = table.get_many([record.key for record in records])
    for number, (record, before) in enumerate(zip(records, survey.see(records), strict=True)):
        ours = known.get(record.key)
        fault = ""
        if number in complaints:
            fault = f"its stanza is not what clients can read: {complaints[number]}"
        elif before is not None and conflict_between(before, record.file_identity):
            fault = f"it is there twice, with {before} and {record.file_identity}"
        elif ours is not None and not ours.same_bytes_as(record):
            fault = f"our table has it with {ours.file_identity}, they with {record.file_identity}"
        elif request.pool is PoolFiles.KEEP:
            fault = _not_kept(record, survey)
        if fault:
            result.fault(f"{record.named}: {fault}.")
            survey.leave_out(record)
        elif before is None:
            result.known += ours is not None
            result.new += ours is None
            result.cautioned.note([record] if request.dry_run and ours is None else [])
        if not fault:
            result.offered.note(record)


def _not_kept(record: PackageRecord, survey: Survey) -> str:
    """Return why a file can't be kept where it is; "" when it can."""
    if not record.pool_path.startswith(POOL):
        return f"{record.pool_path} lies outside pool/, which alone is public: --pool copy brings it there"
    size = survey.size_of(record.pool_path)
    if size is None:
        return f"{record.pool_path} is not in our bucket"
    return "" if size == record.file_size else f"{record.pool_path} has {size} bytes, not {record.file_size}"
