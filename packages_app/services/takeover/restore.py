"""Putting a backup of a table back: the table that it was taken of, item by item the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from packages_app.core.errors import BackupRefused, TableMissing
from packages_app.core.locations import DynamoTable
from packages_app.core.ports import Progress
from packages_app.package_table.backup_file import Backup, read_backup
from packages_app.package_table.dynamo_item import purged_by
from packages_app.package_table.raw_table import RawItem, RawTable, TableShape, canonical
from packages_app.package_table.rules import is_of_clients, is_of_one_table

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

    A table that is missing is made with the old one's keys. Raise `BackupRefused` when the table has other keys, or
    an item that the backup lacks or has otherwise: nothing is replaced, and nothing is written then. Safe to repeat.
    Records that were purged there, or in the table of `place`, stay out.
    """
    progress.step("read the backup", str(backup_file))
    backup = read_backup(backup_file)
    progress.note(f"{backup.count} records of {backup.table}, taken {backup.taken}")
    table = RawTable(target or DynamoTable(backup.table, place.region, place.endpoint))
    purged = _tombstones(backup, table, RawTable(place))
    if purged:
        progress.note(f"{len(purged)} keys were purged; their records stay out")
    progress.step("compare with the table", table.name)
    made, missing, untrue = _compare(backup, table, purged)
    # Which Releases show all of a table, and that the lists of its suites are complete, is true of the one that the
    # backup is of; of this one it is not, from the first item on.
    for _ in table.delete_all(untrue):
        progress.note("the next publication of each suite reads the whole table; create_storage lists its suites")
    progress.step("write", f"{len(missing)} records")
    written = 0
    for written in table.put_all(missing):
        progress.advance(written, len(missing))
    progress.step("verify")
    found = {canonical(item) for item in table.items() if _is_compared(item)}
    if found != {canonical(item) for item in _items(backup, purged) if _is_compared(item)}:
        raise BackupRefused(
            f"The table {table.name} is not as the backup says: something else writes to it.",
            remedy="Stop it, then run the command again.",
        )
    log.info("table_restored", table=table.name, made=made, written=written)
    return Restored(table.name, made, written, len(list(_items(backup, purged))) - written)


def _tombstones(backup: Backup, *tables: RawTable) -> dict[str, RawItem]:
    """Return what stands for purged records in tables of the backup's shape, by their keys."""
    found: dict[str, RawItem] = {}
    for table in tables:
        try:
            if table.name and table.shape().keys == backup.shape.keys:
                found |= {_key(backup.shape, item): item for item in table.items() if purged_by(item) is not None}
        except TableMissing:
            continue
    return found


def _compare(
    backup: Backup, table: RawTable, purged: Mapping[str, RawItem]
) -> tuple[bool, list[RawItem], list[dict[str, Mapping[str, Any]]]]:
    """Return whether the table was made, the items that it lacks, and the keys of those that no longer hold."""
    try:
        shape = table.shape()
    except TableMissing:
        table.create(backup.shape)
        return True, list(_items(backup, purged)), []
    if shape.keys != backup.shape.keys:
        raise BackupRefused(
            f"The table {table.name} has the key {', '.join(shape.keys)}, the backup {', '.join(backup.shape.keys)}.",
            remedy="Restore into the table that the backup is of, or into a new one: --to-table.",
        )
    found = list(table.items())
    there = {_key(shape, item): item for item in found if not _is_of_one_table(item)}
    wanted = {_key(shape, item): item for item in _items(backup, purged)}
    other = [
        key
        for key, item in there.items()
        if _is_compared(item) and (key not in wanted or canonical(wanted[key]) != canonical(item))
    ]
    if other:
        raise BackupRefused(
            f"The table {table.name} holds {len(other)} records that the backup lacks or has otherwise, "
            f"the first {other[0]}.",
            remedy="Restore into a new table: --to-table NAME.",
        )
    untrue = [shape.key_of(item) for item in found if _is_of_one_table(item)]
    return False, [item for key, item in wanted.items() if key not in there], untrue


def _items(backup: Backup, purged: Mapping[str, RawItem]) -> Iterator[RawItem]:
    """Yield what is put back: what is true of any table, and tombstones in place of what was purged since."""
    shape = backup.shape
    yield from purged.values()
    kept = (item for item in backup.items() if not _is_of_one_table(item))
    yield from (item for item in kept if not purged or _key(shape, item) not in purged)


def _is_of_one_table(item: RawItem) -> bool:
    return is_of_one_table(_package_id(item))


def _is_compared(item: RawItem) -> bool:
    """Return whether an item must be as the backup says; what clients were given since then stays as it is."""
    return not _is_of_one_table(item) and not is_of_clients(_package_id(item))


def _package_id(item: RawItem) -> str:
    return str(item.get("package_id", {}).get("S", ""))


def _key(shape: TableShape, item: RawItem) -> str:
    return canonical(shape.key_of(item))
