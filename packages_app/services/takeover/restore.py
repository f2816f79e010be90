"""Putting a backup of a table back: the table that it was taken of, item by item the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import structlog

from packages_app.core.errors import BackupRefused, TableMissing
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Progress
from packages_app.package_table.backup_file import Backup, read_backup
from packages_app.package_table.raw_table import RawItem, RawTable, TableShape, canonical
from packages_app.package_table.rules import RELEASES

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Restored:
    """Where a backup went: the table, whether it was made, items written, and items that were there already."""

    table: str
    made: bool
    written: int
    known: int


def restore(backup_file: Path, target: DynamoTable | None, place: DynamoTable, progress: Progress) -> Restored:
    """Put a backup back into the table that it names (beside `place`: same region and endpoint), or into `target`.

    A table that is missing is made with the old one's keys. Raises `BackupRefused` when the table has other keys, or
    an item that the backup lacks or has otherwise: nothing is replaced, and nothing is written then. Safe to repeat.
    """
    progress.step("read the backup", str(backup_file))
    backup = read_backup(backup_file)
    progress.note(f"{backup.count} records of {backup.table}, taken {backup.taken}")
    table = RawTable(target or DynamoTable(backup.table, place.region, place.endpoint))
    progress.step("compare with the table", table.name)
    made, missing = _compare(backup, table)
    progress.step("write", f"{len(missing)} records")
    written = 0
    for written in table.put_all(missing):
        progress.advance(written, len(missing))
    progress.step("verify")
    if {canonical(item) for item in table.items()} != {canonical(item) for item in backup.items()}:
        raise BackupRefused(
            f"The table {table.name} is not as the backup says: something else writes to it.",
            remedy="Stop it, then run the command again.",
        )
    # Which Releases show all of a table is true of the one that the backup is of; of this one, read it whole once.
    for _ in table.delete_all(backup.shape.key_of(item) for item in backup.items() if _names_releases(item)):
        progress.note("the next publication of each suite reads the whole table")
    log.info("table_restored", table=table.name, made=made, written=written)
    return Restored(table.name, made, written, backup.count - written)


def _compare(backup: Backup, table: RawTable) -> tuple[bool, list[RawItem]]:
    """Give whether the table was made, and the items that it lacks."""
    try:
        shape = table.shape()
    except TableMissing:
        table.create(backup.shape)
        return True, list(backup.items())
    if shape.keys != backup.shape.keys:
        raise BackupRefused(
            f"The table {table.name} has the key {', '.join(shape.keys)}, the backup {', '.join(backup.shape.keys)}.",
            remedy="Restore into the table that the backup is of, or into a new one: --to-table.",
        )
    there = {_key(shape, item): canonical(item) for item in table.items()}
    wanted = {_key(shape, item): item for item in backup.items()}
    other = [key for key, text in there.items() if key not in wanted or canonical(wanted[key]) != text]
    if other:
        raise BackupRefused(
            f"The table {table.name} holds {len(other)} records that the backup lacks or has otherwise, "
            f"the first {other[0]}.",
            remedy="Restore into a new table: --to-table NAME.",
        )
    return False, [item for key, item in wanted.items() if key not in there]


def _names_releases(item: RawItem) -> bool:
    return str(item.get("package_id", {}).get("S", "")).startswith(RELEASES)


def _key(shape: TableShape, item: RawItem) -> str:
    return canonical(shape.key_of(item))
