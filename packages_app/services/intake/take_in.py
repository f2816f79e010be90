"""Intake: from a staged file to a record, in the order that leaves at most an orphan object behind (DESIGN 3).

Staged file → hashes, control, checks → pool object → record → mirror row → publication asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog
from django.db import transaction

from packages_app.core.checksums import Checksums
from packages_app.core.definition import Definition, check_belongs
from packages_app.core.errors import ImmutableObjectConflict, PackageRefused, VersionConflict
from packages_app.core.layout import deb_filename, pool_path
from packages_app.core.ports import Progress, Written
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Repository
from packages_app.debian.deb_file import DebContents, open_deb
from packages_app.debian.stanza import record_fields_of
from packages_app.services import adapters
from packages_app.services.mirror.packages import mirror_record
from packages_app.services.publication.requests import request_publications
from packages_app.stores.immutable import put_immutable

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Origin:
    """Where a file came from: what upstream said, or nothing for an upload."""

    deb_url: str = ""
    certificate_url: str = ""
    signature_url: str = ""
    notes: str = ""
    pub_date: str = ""


@dataclass(frozen=True)
class Place:
    """Where a package goes: suites and component, the definition's unless said otherwise."""

    suites: tuple[str, ...]
    component: str


def place_of(definition: Definition, repository: Repository, *, suite: str = "", component: str = "") -> Place:
    """Give the place that was asked for, or the definition's; raises `PackageRefused` when there is no such place."""
    place = Place((suite,) if suite else definition.suites, component or definition.component)
    for name in place.suites:
        found = repository.suite(name)
        if found is None:
            known = ", ".join(s.name for s in repository.suites)
            raise PackageRefused(f"{name} is no suite of repository.yaml.", remedy=f"Use one of: {known}.")
        if place.component not in found.components:
            known = ", ".join(found.components)
            raise PackageRefused(f"{place.component} is not in suite {name}.", remedy=f"Use one of: {known}.")
    return place


def inspect(path: Path, definition: Definition) -> DebContents:
    """Open a staged `.deb` and check that it is what the definition describes.

    Raises `InvalidDeb` for a file that is no sound package, `PackageRefused` for another package or architecture.
    """
    contents = open_deb(path)
    check_fits(contents, definition)
    return contents


def check_fits(contents: DebContents, definition: Definition) -> None:
    """Check that a package is what the definition describes; raises `PackageRefused`."""
    faults = check_belongs(definition, contents.control["Package"], contents.control["Architecture"])
    if faults:
        raise PackageRefused(
            f"The file does not fit {definition.file}: {'; '.join(faults)}.",
            remedy=f"Upload a {definition.name} package, or correct {definition.file}.",
        )


def take_in(
    path: Path,
    checksums: Checksums,
    definition: Definition,
    place: Place,
    origin: Origin,
    progress: Progress,
    *,
    contents: DebContents | None = None,
) -> tuple[PackageRecord, Written]:
    """Take a staged file into the repository; gives its record and whether it is new. Safe to repeat.

    `contents` are the file's, from a caller that has opened it. Raises what `inspect` does, and `VersionConflict` when
    this version is there with other bytes: nothing changes.
    """
    progress.step("check package", path.name)
    if contents is None:
        contents = open_deb(path)
    check_fits(contents, definition)
    record = record_of(contents, checksums, definition, place, origin)
    table = adapters.package_table()
    known = table.get(record.package_name, record.version, record.architecture)
    if known is not None and not known.same_bytes_as(record):
        raise conflict_with(record, known)
    if known is None:
        progress.step("store in pool", record.pool_path)
        _store(record, path, checksums)
    progress.step("record", f"{record.package_name} {record.version} {record.architecture}")
    written = table.put_new(record)
    if written is Written.ADDED:
        known = record
    elif known is None:  # somebody else wrote it a moment ago, perhaps with other suites
        known = table.get(record.package_name, record.version, record.architecture) or record
    see_in_pool(known, path, checksums)
    missing = set(place.suites) - set(known.suites)
    if missing:
        known = table.set_suites(known, {*known.suites, *missing})
    with transaction.atomic():
        if mirror_record(known) or missing or written is Written.ADDED:
            request_publications(known.suites)
    log.info(
        "package_taken_in",
        package=known.package_name,
        version=known.version,
        architecture=known.architecture,
        sha256=known.sha256_hash,
        suites=list(known.suites),
        written=written.value,
    )
    return known, written


def _store(record: PackageRecord, body: bytes | Path, checksums: Checksums) -> None:
    try:
        put_immutable(adapters.bucket(), record.pool_path, body, checksums)
    except ImmutableObjectConflict as error:
        raise taken_path(record, error) from error


def see_in_pool(record: PackageRecord, body: bytes | Path, checksums: Checksums) -> None:
    """Put a file that was found in the pool there again if it is gone by now; raises `VersionConflict`.

    What was found there may have been an old orphan that a sweep had listed before this record protected it. A sweep
    looks at the records after it has taken a file, intake at the pool after it has written the record: one sees it.
    """
    if record.pool_path and adapters.bucket().head(record.pool_path) is None:
        log.warning("pool_file_put_again", key=record.pool_path)
        _store(record, body, checksums)


def taken_path(record: PackageRecord, error: ImmutableObjectConflict) -> VersionConflict:
    """Give the error of a record whose place in the pool another file has."""
    return VersionConflict(
        f"{record.package_id} {record.architecture} has another file in the pool: {error.message}",
        remedy="Give the build a version of its own; what may have been served is never replaced.",
    )


def conflict_with(record: PackageRecord, known: PackageRecord) -> VersionConflict:
    """Give the error of an offer whose version is known with other bytes."""
    return VersionConflict(
        f"{record.package_name} {record.version} {record.architecture} is there with other bytes: "
        f"SHA256 {known.sha256_hash} is published, {record.sha256_hash} was offered.",
        remedy="Give the new build a version of its own; what clients have is never replaced.",
    )


def record_of(
    contents: DebContents, checksums: Checksums, definition: Definition, place: Place, origin: Origin
) -> PackageRecord:
    """Make the record: the control paragraph decides, the definition fills in section, priority and homepage."""
    fields = record_fields_of(contents.control)
    filename = deb_filename(fields["package_name"], fields["version"], fields["architecture"])
    fallback = {"section": definition.section, "priority": definition.priority, "homepage": definition.homepage}
    fields |= {name: value for name, value in fallback.items() if not fields.get(name)}
    return PackageRecord(
        **fields,
        package_type=definition.source_type,
        component=place.component,
        suites=place.suites,
        deb_url=origin.deb_url,
        certificate_url=origin.certificate_url,
        signature_url=origin.signature_url,
        notes=origin.notes,
        pub_date=origin.pub_date,
        actual_filename=filename,
        pool_path=pool_path(place.component, fields["package_name"], filename),
        file_size=checksums.size,
        md5_hash=checksums.md5,
        sha1_hash=checksums.sha1,
        sha256_hash=checksums.sha256,
        sha512_hash=checksums.sha512,
        processed_timestamp=adapters.now().isoformat(timespec="seconds"),
        control=contents.control_text,
    )
