"""Migration: the records of an older table into the table of today, in phases that a second run goes on from.

Backup, transform, check, upload with every write verified, and deletion of the old records only when asked. What is in
the new table is never replaced.

See docs/REQUIREMENTS.md R15.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import structlog

from packages_app.core.caution import flag_cautions, with_cautions
from packages_app.core.conflict import conflict_between, version_conflict
from packages_app.core.errors import MigrationRefused
from packages_app.core.locations import DynamoTable, SqliteTable, parse_table_url
from packages_app.core.ports import PackageTable, Progress, Written
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.suite_change import VersionPurged, is_purged, taken_in
from packages_app.debian.stanza import parsed_stanza, record_faults
from packages_app.package_table.backup_file import read_backup, taken, write_backup
from packages_app.package_table.old_schema import Fallback, plain_item, record_of_item, schema_of
from packages_app.package_table.raw_table import RawItem, RawTable, TableShape, canonical
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.takeover.cautioned import Cautioned
from packages_app.services.takeover.enrich import enriched
from packages_app.services.takeover.migration_journal import FINISHED, RUNNING, Journal, read_journal, write_journal

DEFAULT_PACKAGE = "kiro"
_DEFAULT_ARCHITECTURE = "amd64"
_DEFAULT_TYPE = "external_download"
_BATCH = 100
_NAMED = 5
_SHOWN = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class MigrationRequest:
    """What is asked for of a migration. `confirm` gets the number of old records to delete, and says whether to."""

    source: DynamoTable
    backup: Path | None = None
    dry_run: bool = False
    enrich: bool = False
    keep_incomplete: bool = False
    delete_old: bool = False
    package: str = DEFAULT_PACKAGE
    confirm: Callable[[int], bool] = lambda _count: True


@dataclass
class Migrated:
    """What came of a migration.

    `samples` are the first records before and after, `cautioned` is of those that were not there yet; the rest are
    names of records.
    """

    records: int = 0
    added: int = 0
    known: int = 0
    deleted: int = 0
    poorer: list[str] = field(default_factory=list)
    incomplete: list[str] = field(default_factory=list)
    cautioned: Cautioned = field(default_factory=Cautioned)
    samples: list[tuple[dict[str, Any], dict[str, Any]]] = field(default_factory=list)
    backup: Path | None = None


def source_location(text: str) -> DynamoTable:
    """Read `--from-table`: a name beside the package table's (its region and endpoint), or a whole dynamodb:// URL."""
    if "://" not in text:
        ours = present_archive().table
        return (
            DynamoTable(text, ours.region, ours.endpoint)
            if isinstance(ours, DynamoTable)
            else DynamoTable(text, "", "")
        )
    location = parse_table_url("--from-table", text)
    if isinstance(location, SqliteTable):
        raise MigrationRefused("The older tables were in DynamoDB.", remedy="Write --from-table dynamodb://NAME.")
    return location


def migrate(request: MigrationRequest, progress: Progress) -> Migrated:
    """Migrate a table, or go on with it; raise `MigrationRefused`, `BackupRefused`, `VersionConflict`.

    A run that fails or dies leaves the old table and the backup as they are; the same command goes on.
    """
    if request.source == present_archive().table:
        raise MigrationRefused(
            "The old and the new table are the same one: a key schema can't be changed in place.",
            remedy="Point PACKAGE_TABLE_URL at a new table, made by create_storage.",
        )
    if request.backup is None and not request.dry_run:
        raise MigrationRefused("A migration keeps a backup.", remedy="Name a file for it: --backup-file PATH.")
    old, new = RawTable(request.source), adapters.package_table()
    progress.step("read the old table", old.name)
    shape = old.shape()
    schema_of(old.name, shape)
    new.probe()
    journal = _journal(request)
    items = _items(request, old, journal, progress)
    result = Migrated(records=len(items))
    progress.step("transform", f"{len(items)} records")
    records = _transformed(items, request)
    there = _already_there(records, new)
    if len(there) == len(records) and not request.delete_old and (journal is None or journal.state == FINISHED):
        raise MigrationRefused(
            f"All {len(records)} records of {old.name} are in the new table already.",
            remedy="Nothing is to be done; --delete-old removes the old records.",
        )
    records = _completed(records, there, request, result, progress)
    result.samples = [(plain_item(i), r.as_dict()) for i, r in islice(zip(items, records, strict=True), _SHOWN)]
    if request.dry_run:
        result.known = len(there)
        return result
    _keep_backup(request, old, shape, items, journal, result, progress)
    _upload(records, new, result, progress)
    if request.delete_old:
        _delete(request, old, shape, items, result, progress)
    write_journal(_backup_of(request), Journal(old.name, _target_name(), FINISHED))
    log.info("table_migrated", source=old.name, records=result.records, added=result.added, deleted=result.deleted)
    return result


def _backup_of(request: MigrationRequest) -> Path:
    assert request.backup is not None  # noqa: S101 - migrate has refused an request without one
    return request.backup


def _target_name() -> str:
    table = present_archive().table
    return table.name if isinstance(table, DynamoTable) else str(table.path)


def _journal(request: MigrationRequest) -> Journal | None:
    """Return the journal of an earlier run; a backup file that no migration of ours has made is refused."""
    if request.backup is None or request.dry_run:
        return None
    journal = read_journal(request.backup, request.source.name, _target_name())
    if journal is None and request.backup.exists():
        raise taken(request.backup)
    return journal


def _items(request: MigrationRequest, old: RawTable, journal: Journal | None, progress: Progress) -> list[RawItem]:
    """Return the items to migrate: those of the table, or on a second run those of the backup, if they are the same."""
    items = list(old.items())
    if journal is None or request.backup is None or not request.backup.exists():
        if not items:
            raise MigrationRefused(f"The table {old.name} is empty.", remedy="Check --from-table.")
        return items
    backup = read_backup(request.backup)
    progress.note(f"an earlier run wrote {request.backup.name}: going on from it")
    kept = list(backup.items())
    changed = {canonical(item) for item in items} - {canonical(item) for item in kept}
    if backup.table != old.name or changed:
        raise MigrationRefused(
            f"{len(changed)} records of {old.name} are new or changed since {request.backup.name} was written.",
            remedy="Stop what writes to the old table, and start again with another --backup-file.",
        )
    return kept


def _transformed(items: Sequence[RawItem], request: MigrationRequest) -> list[PackageRecord]:
    """Make records of all items, or raise one error that names the first faults."""
    records: dict[TableKey, PackageRecord] = {}
    faults: list[str] = []
    for item in items:
        try:
            record = record_of_item(item, request.package, _fallbacks())
        except MigrationRefused as error:
            faults.append(error.message)
            continue
        known = records.setdefault(record.key, record)
        if known is not record:
            faults.append(f"Two old records are both {record.named}.")
    if faults:
        raise MigrationRefused(
            f"{len(faults)} of {len(items)} records can't be taken over. {_named(faults, ' ')}",
            remedy="Correct them in the old table; nothing was written.",
        )
    return list(records.values())


def _fallbacks() -> Callable[[str], Fallback]:
    definitions, default = adapters.definitions().by_package, adapters.repository().default_suite

    @cache
    def fallback_of(name: str) -> Fallback:
        definition = definitions.get(name)
        if definition is None:
            component = default.components[0]
            return Fallback(_DEFAULT_ARCHITECTURE, _DEFAULT_TYPE, component, (default.name,), {})
        fields = ("section", "priority", "maintainer", "homepage", "description", "depends")
        texts = {field: getattr(definition, field) for field in fields}
        return Fallback(
            definition.architectures[0], definition.source_type, definition.component, definition.suites, texts
        )

    return fallback_of


def _already_there(records: Sequence[PackageRecord], new: PackageTable) -> set[TableKey]:
    """Return the keys that the new table has with the same bytes.

    Raise `VersionConflict` when it has others, `VersionPurged` when one was purged there.
    """
    known, purged = new.look_up([record.key for record in records])
    for key, change in purged.items():
        error = is_purged(key, change)
        raise VersionPurged(error.message, remedy="Remove it from the old table, too; nothing was written.")
    for record in records:
        there = known.get(record.key)
        if there is not None and conflict_between(there.file_identity, record.file_identity):
            raise version_conflict(
                record.named,
                there.file_identity,
                record.file_identity,
                where="in the new table",
                remedy="Find out which one clients have; nothing was written.",
            )
    return set(known)


def _completed(
    records: list[PackageRecord], there: set[TableKey], request: MigrationRequest, result: Migrated, progress: Progress
) -> list[PackageRecord]:
    """Enrich the records that are to be written, if asked to, find their cautions, and check what a stanza needs.

    What clients have already under these names is not new to them: of that no publication is held back.
    """
    if request.enrich:
        progress.step("open the packages", f"{len(records) - len(there)} files")
    completed = []
    for number, record in enumerate(records):
        why = ""
        if record.key not in there:
            record = with_cautions(record, flag_cautions(parsed_stanza(record.control)[0]))
            if request.enrich and not record.control:
                record, why = enriched(record, adapters.bucket())
                progress.advance(number + 1, len(records))
            result.cautioned.note([record])
        if why:
            progress.note(f"{record.named}: {why}", level="warning")
        if record.key not in there and not record.control:
            result.poorer.append(record.named)
        if missing := record.missing_fields():
            result.incomplete.append(f"{record.named} (no {', '.join(missing)})")
        elif fault := next(record_faults(record), ""):
            result.incomplete.append(f"{record.named} ({fault})")
        completed.append(record)
    if result.incomplete and not request.keep_incomplete and not request.dry_run:
        raise MigrationRefused(
            f"{len(result.incomplete)} records are none that clients read: {_named(result.incomplete)}.",
            remedy="Fill them in from the pool (--enrich), or take them over as they are, out of the indexes "
            "(--keep-incomplete). Nothing was written.",
        )
    return completed


def _keep_backup(
    request: MigrationRequest, old: RawTable, shape: TableShape, items: list[RawItem], journal: Journal | None,
    result: Migrated, progress: Progress,
) -> None:  # fmt: skip
    backup = result.backup = _backup_of(request)
    if journal is not None and backup.exists():
        return
    progress.step("back up", str(backup))
    write_journal(backup, Journal(old.name, _target_name(), RUNNING))
    written = write_backup(backup, old.name, shape, items, adapters.now())
    progress.note(f"{written.count} records, read back and counted")


def _upload(records: list[PackageRecord], new: PackageTable, result: Migrated, progress: Progress) -> None:
    """Write what is not there yet, batch by batch, and read every batch back."""
    progress.step("write and verify", f"{len(records)} records")
    for start in range(0, len(records), _BATCH):
        batch = records[start : start + _BATCH]
        entries = [taken_in(one, who="migrate_package_table", way="migration", when=adapters.now()) for one in batch]
        outcomes = dict(zip((record.key for record in batch), new.put_many_new(batch, entries), strict=True))
        found = new.get_many([record.key for record in batch])
        for record in batch:
            added = outcomes[record.key] is Written.ADDED
            stored = found.get(record.key)
            if stored is None or (stored != record if added else not stored.same_bytes_as(record)):
                raise MigrationRefused(
                    f"{record.named} did not come back from the new table as written.",
                    remedy="Check the table, then run the command again: it goes on from here.",
                )
            result.added += added
            result.known += not added
        progress.advance(start + len(batch), len(records))


def _delete(
    request: MigrationRequest,
    old: RawTable,
    shape: TableShape,
    items: list[RawItem],
    result: Migrated,
    progress: Progress,
) -> None:
    """Remove the old records that are in backup and new table, unless one has changed meanwhile."""
    progress.step("delete the old records", old.name)
    left = {canonical(item): item for item in old.items()}
    if set(left) - {canonical(item) for item in items}:
        raise MigrationRefused(
            f"Records of {old.name} were added or changed meanwhile; none was deleted.",
            remedy="Stop what writes to the old table, and start again with another --backup-file.",
        )
    if not left or not request.confirm(len(left)):
        progress.note("none was deleted")
        return
    for result.deleted in old.delete_all(shape.key_of(item) for item in left.values()):
        progress.advance(result.deleted, len(left))


def _named(names: Sequence[str], separator: str = "; ") -> str:
    more = f" … and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return separator.join(names[:_NAMED]) + more
