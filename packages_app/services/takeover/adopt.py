"""Adoption: an existing repository of any tool taken over, its records from its signed indexes.

First everything is read, verified and compared; only when all of it fits is anything written. Each record is written
once and on condition, so a second run goes on where the first stopped.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum
from pathlib import Path

import structlog

from packages_app.adoption.index import Index, fetch_index, indexes_of, stanzas_in
from packages_app.adoption.place import Place
from packages_app.adoption.release import ExistingRelease, read_release
from packages_app.adoption.stanza_record import record_of_stanza
from packages_app.adoption.survey import Survey
from packages_app.core.batches import batches_of
from packages_app.core.errors import RepositoryRefused
from packages_app.core.layout import ALL, deb_filename, pool_path
from packages_app.core.ports import PackageTable, Progress, Written
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.repository import Suite
from packages_app.services import adapters
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.publication.requests import known_suite
from packages_app.services.takeover.adopt_files import copied

_BATCH = 200
_NAMED = 5
_KEPT_FAULTS = 100
_POOL = "pool/"


log = structlog.get_logger(__name__)


class Pool(Enum):
    """What becomes of the pool files: copied into our pool, kept where they are in our bucket, or left out."""

    COPY = "copy"
    KEEP = "keep"
    NONE = "none"


@dataclass(frozen=True)
class Order:
    """What is asked for.

    `suites` and `components` map theirs to ours; the suite "" is a flat repository. Components that are not in the map
    keep their name. `architectures` limits what is read; None stands for those of our suites. Without a `keyring`
    (bytes) no signature is looked at.
    """

    place: Place
    suites: Mapping[str, str]
    pool: Pool
    components: Mapping[str, str] = field(default_factory=dict)
    architectures: tuple[str, ...] | None = None
    keyring: bytes | None = None
    dry_run: bool = False
    skip_broken: bool = False


@dataclass
class Adopted:
    """What came of it.

    `stanzas` counts what was read by suite, component and architecture; `packages` are told apart by their key, of
    which `new` and `known` tell how our table stood before, and `added` what was written. `faults` are sentences.
    """

    stanzas: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    packages: int = 0
    new: int = 0
    known: int = 0
    added: int = 0
    fault_count: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, text: str) -> None:
        """Take note of what can't be adopted; the first hundred are kept."""
        self.fault_count += 1
        if len(self.faults) < _KEPT_FAULTS:
            self.faults.append(text)


@dataclass(frozen=True)
class _Part:
    """One index to take over: its plain text on disk, and where its packages go."""

    index: Index
    plain: Path
    suite: Suite
    component: str


def adopt(order: Order, progress: Progress) -> Adopted:
    """Take over a repository's packages; gives what was read and written.

    Raises `RepositoryRefused` for a bad signature, an index that is not what Release lists, stanzas of one version
    with different hashes, packages that our table has with other bytes, and files that are missing or wrong; with
    `skip_broken` single packages are left out instead. Nothing is written before all indexes were read and compared.
    """
    result = Adopted()
    with tempfile.TemporaryDirectory(prefix="repomgr-adopt-") as folder:
        parts = _fetch(order, Path(folder), progress)
        with closing(Survey(Path(folder))) as survey:
            _look(order, parts, survey, result, progress)
            if order.dry_run:
                return result
            if result.fault_count and not order.skip_broken:
                raise RepositoryRefused(
                    f"{result.fault_count} packages can't be adopted: {' '.join(result.faults[:_NAMED])}",
                    remedy="Correct the repository, or leave these out: --skip-broken. Nothing was written.",
                )
            _write(order, parts, survey, result, progress)
    reconcile_mirror(progress)
    log.info("repository_adopted", added=result.added, known=result.known, faults=result.fault_count)
    return result


def _fetch(order: Order, folder: Path, progress: Progress) -> list[_Part]:
    """Verify each suite's Release, and fetch and check its indexes."""
    parts: list[_Part] = []
    for theirs, ours in order.suites.items():
        suite = known_suite(ours)
        progress.step("read Release", theirs or "of a flat repository")
        release = read_release(order.place, f"dists/{theirs}" if theirs else "", order.keyring)
        _tell(release, order, progress)
        chosen = indexes_of(release, order.components or None, order.architectures or (ALL, *suite.architectures))
        if not chosen:
            raise RepositoryRefused(
                f"The suite {theirs} has no index of the components and architectures asked for.",
                remedy="Check --component and --architecture against its Release.",
            )
        progress.step("fetch indexes", f"{len(chosen)} of {theirs or 'a flat repository'}")
        for number, index in enumerate(chosen):
            component = _our_component(order, index, suite)
            target = folder / str(len(parts))
            target.mkdir()
            parts.append(_Part(index, fetch_index(order.place, release, index, target), suite, component))
            progress.advance(number + 1, len(chosen))
    return parts


def _tell(release: ExistingRelease, order: Order, progress: Progress) -> None:
    fields = release.fields
    progress.note(f"{fields.get('origin', 'no origin')}, {fields.get('date', 'no date')}")
    if order.keyring is None:
        progress.note("its signature was not looked at", level="warning")
    try:
        ends = parsedate_to_datetime(fields.get("valid-until", "").replace("UTC", "+0000"))
    except ValueError:
        return
    if ends < datetime.now(UTC):
        progress.note(f"it expired: Valid-Until {fields['valid-until']}", level="warning")


def _our_component(order: Order, index: Index, suite: Suite) -> str:
    ours = order.components.get(index.component, index.component or suite.components[0])
    if ours not in suite.components:
        raise RepositoryRefused(
            f"The component {ours} is not in our suite {suite.name}.",
            remedy=f"Map it to one of {', '.join(suite.components)}: --component {index.component}=…, or configure it.",
        )
    return ours


def _records(part: _Part, processed: str) -> Iterator[PackageRecord | RepositoryRefused]:
    """Give a part's records in its order, and the error in place of one that is no sound stanza."""
    for stanza in stanzas_in(part.plain):
        try:
            yield record_of_stanza(stanza, part.component, part.suite.name, processed)
        except RepositoryRefused as error:
            yield error


def _look(order: Order, parts: list[_Part], survey: Survey, result: Adopted, progress: Progress) -> None:
    """Read every stanza, and find what contradicts another one, our table, or the bucket."""
    if order.pool is Pool.KEEP:
        progress.step("list the pool")
        survey.keep_files(adapters.bucket().keys(_POOL))
    progress.step("compare with the package table")
    table = adapters.package_table()
    for part in parts:
        place = (part.suite.name, part.component, part.index.architecture or "of a flat repository")
        for batch in batches_of(_records(part, ""), _BATCH):
            sound = [record for record in batch if isinstance(record, PackageRecord)]
            for fault in (error for error in batch if isinstance(error, RepositoryRefused)):
                result.fault(fault.message)
            result.stanzas[place] += len(batch)
            _compare(order, sound, survey, table, result)
            progress.advance(sum(result.stanzas.values()), sum(result.stanzas.values()))
    result.packages = survey.packages


def _compare(order: Order, records: list[PackageRecord], survey: Survey, table: PackageTable, result: Adopted) -> None:
    known = table.get_many([record.key for record in records])
    for record in records:
        name = f"{record.package_name} {record.version} {record.architecture}"
        before, ours = survey.see(record), known.get(record.key)
        fault = ""
        if before is not None and before != record.sha256_hash:
            fault = f"it is there twice, with SHA256 {before} and {record.sha256_hash}"
        elif ours is not None and ours.sha256_hash != record.sha256_hash:
            fault = f"our table has it with SHA256 {ours.sha256_hash}, they with {record.sha256_hash}"
        elif order.pool is Pool.KEEP:
            fault = _not_kept(record, survey)
        if fault:
            result.fault(f"{name}: {fault}.")
            survey.leave_out(record)
        elif before is None:
            result.known += ours is not None
            result.new += ours is None


def _not_kept(record: PackageRecord, survey: Survey) -> str:
    """Say why a file can't be kept where it is; "" when it can."""
    if not record.pool_path.startswith(_POOL):
        return f"{record.pool_path} lies outside pool/, which alone is public: --pool copy brings it there"
    size = survey.size_of(record.pool_path)
    if size is None:
        return f"{record.pool_path} is not in our bucket"
    return "" if size == record.file_size else f"{record.pool_path} has {size} bytes, not {record.file_size}"


def _write(order: Order, parts: list[_Part], survey: Survey, result: Adopted, progress: Progress) -> None:
    """Bring files and records in, a batch at a time: files first, so that a record means that its file is there."""
    total, done = sum(result.stanzas.values()), 0
    progress.step("copy files and write records" if order.pool is Pool.COPY else "write records", f"{total} stanzas")
    processed = adapters.now().isoformat(timespec="seconds")
    for part in parts:
        for batch in batches_of(_records(part, processed), _BATCH):
            records: dict[TableKey, PackageRecord] = {}
            for record in batch:
                if isinstance(record, PackageRecord) and not survey.is_left_out(record):
                    records.setdefault(record.key, record)
            _write_batch(order, records, result)
            done += len(batch)
            progress.advance(done, total)


def _write_batch(order: Order, records: dict[TableKey, PackageRecord], result: Adopted) -> None:
    table = adapters.package_table()
    known = table.get_many(list(records))
    for key, ours in known.items():
        if missing := set(records[key].suites) - set(ours.suites):
            table.set_suites(ours, {*ours.suites, *missing})
    new = [record for key, record in records.items() if key not in known]
    if order.pool is Pool.COPY:
        new = list(_with_files(order, new, result))
    else:
        new = [_placed(record, order) for record in new]
    result.added += sum(outcome is Written.ADDED for outcome in table.put_many_new(new))


def _with_files(order: Order, records: list[PackageRecord], result: Adopted) -> Iterator[PackageRecord]:
    """Copy the files of records, several at once; gives the records as the files say."""
    for record, outcome in copied(order.place, records):
        if isinstance(outcome, PackageRecord):
            yield outcome
        elif order.skip_broken:
            result.fault(f"{record.package_name} {record.version} {record.architecture}: {outcome.message}")
        else:
            raise outcome


def _placed(record: PackageRecord, order: Order) -> PackageRecord:
    """Give a record whose file is not copied, with a path below pool/."""
    path = record.pool_path
    if not path.startswith(_POOL):
        filename = deb_filename(record.package_name, record.version, record.architecture)
        path = pool_path(record.component, record.package_name, filename)
    return replace(record, pool_path=path, deb_url=order.place.url_of(record.pool_path))
