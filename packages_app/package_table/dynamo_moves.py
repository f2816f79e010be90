"""Records brought into other suites in DynamoDB: many in a transaction, each on its own condition, some at once.

One whose condition does not hold, or that another writes at the same time, has the whole transaction cancelled; then
each of its records has one of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from pynamodb.exceptions import TransactWriteError

from packages_app.core.at_once import at_once
from packages_app.core.builds import check_apart
from packages_app.core.document import document_of
from packages_app.core.moving import NewSuites
from packages_app.core.record import PackageRecord
from packages_app.package_table.dynamo_builds import check_build, met_other_build
from packages_app.package_table.dynamo_changes import add_lines, committed, met_another, read_changes, write_listed
from packages_app.package_table.dynamo_item import purged_by, record_of, suites_update
from packages_app.package_table.dynamo_items import DynamoItems, Transaction
from packages_app.package_table.rules import MOST_ITEMS, MOST_SUITES, changed_record, check_suites, suites_changed

_WRITERS = 8
_MOST_BYTES = 2_000_000
"""The items of a transaction have at most 4 MB together (DynamoDB API, TransactWriteItems); these are a record's text,
from which an item's size differs by the names of its attributes."""


@dataclass(frozen=True)
class _Move:
    wanted: NewSuites
    changed: PackageRecord

    @property
    def touched(self) -> frozenset[str]:
        return frozenset({*self.wanted.record.suites, *self.changed.suites})

    @property
    def writes(self) -> int:
        """How many items it writes: the record, its history, and two for each suite."""
        return 2 + 2 * len(self.touched)

    def add_to(self, transaction: Transaction, slots: int) -> None:
        record, change = self.wanted.record, self.wanted.change
        transaction.update(record.key, *suites_update(record, self.changed))
        add_lines(transaction, slots, record.key, self.changed.suites, record.suites, change)


def move_record(items: DynamoItems, wanted: NewSuites) -> PackageRecord:
    """Change a record's suites, and return it.

    Raise `OtherBuild`, `RecordNotFound` and `ObjectChanged` for one that is gone or was read otherwise,
    `PackageRefused` for one of too many suites, and PynamoDB's errors.
    """
    record = wanted.record
    changed = changed_record(record, record, wanted.suites, wanted.other_fields)
    check_build(items, record, wanted.coming)
    update = suites_update(record, changed)
    if write_listed(
        items, lambda t: t.update(record.key, *update), record.key, changed.suites, record.suites, wanted.change
    ):
        return changed
    known = _read(items, record)
    _check_other_build(items, wanted, known)
    # A try that was repeated may meet its own write.
    if known is None or (known.suites, known.other_fields) != (changed.suites, changed.other_fields):
        raise suites_changed(record, known)
    return changed


def move_records(items: DynamoItems, moves: Sequence[NewSuites]) -> list[PackageRecord | None]:
    """Change the suites of records, of a key each; return them, None for one that is no longer as it was read.

    Raise `PackageRefused` for one of too many suites and `OtherBuild`, before anything changes but where another build
    comes in at the same time, and PynamoDB's errors.
    """
    check_apart(moves)
    those = [_Move(one, changed_record(one.record, one.record, one.suites, one.other_fields)) for one in moves]
    for one in those:
        check_suites(one.wanted.record.key, one.touched, MOST_SUITES)
        check_build(items, one.wanted.record, one.wanted.coming)
    done = at_once([partial(_move_together, items, some) for some in _by_transaction(those)], _WRITERS)
    return [record for some in done for record in some]


def _by_transaction(those: Sequence[_Move]) -> Iterator[list[_Move]]:
    some: list[_Move] = []
    writes = size = 0
    for one in those:
        own = len(document_of(one.changed))
        if some and (writes + one.writes > MOST_ITEMS or size + own > _MOST_BYTES):
            yield some
            some, writes, size = [], 0, 0
        some.append(one)
        writes, size = writes + one.writes, size + own
    if some:
        yield some


def _move_together(items: DynamoItems, some: Sequence[_Move]) -> list[PackageRecord | None]:
    try:
        if _committed(items, some):
            return [one.changed for one in some]
    except TransactWriteError as error:
        if len(some) == 1 or not met_another(error):
            raise
    if len(some) > 1:
        return [record for one in some for record in _move_together(items, [one])]
    [one] = some
    if _is_done(items, one):
        return [one.changed]
    _check_other_build(items, one.wanted, _read(items, one.changed))
    return [None]


def _committed(items: DynamoItems, some: Sequence[_Move]) -> bool:
    transaction = items.transaction()
    for one in some:
        one.add_to(transaction, items.slots)
    return committed(items, transaction)


def _is_done(items: DynamoItems, move: _Move) -> bool:
    """Return whether a move is done whose condition did not hold: a try that was repeated may meet its own write."""
    wanted, changed = move.wanted, move.changed
    if wanted.change is not None:
        return wanted.change in read_changes(items, changed.package_id)
    known = _read(items, changed)
    return known is not None and known.suites == changed.suites and wanted.other_fields in (None, known.other_fields)


def _read(items: DynamoItems, record: PackageRecord) -> PackageRecord | None:
    item = items.get(record.key)
    return record_of(item) if item is not None and purged_by(item) is None else None


def _check_other_build(items: DynamoItems, wanted: NewSuites, known: PackageRecord | None) -> None:
    """Raise `OtherBuild` where a record is as it was read, so that a suite's line was another's."""
    if known == wanted.record and wanted.coming:
        raise met_other_build(items, wanted.record, wanted.coming)
