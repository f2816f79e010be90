"""Pending changes in DynamoDB, and the transaction that writes a record with them and with the lists of its suites.

Each pending change is an item of its own, so writers never meet on one, and whoever removes it removes nothing newer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from uuid import uuid4

from pynamodb.exceptions import PynamoDBException, TransactWriteError
from pynamodb.expressions.condition import Condition
from tenacity import retry_if_exception

from packages_app.core.ports import PendingChange
from packages_app.core.record import TableKey, architecture_and_build
from packages_app.core.suite_change import SuiteChange, read_from, written_as
from packages_app.package_table.dynamo_item import Item
from packages_app.package_table.dynamo_items import DynamoItems, Transaction, code_of
from packages_app.package_table.dynamo_slots import key_in, partition_of, sort_key_of, sort_keys_in
from packages_app.package_table.rules import (
    MOST_SUITES,
    check_suites,
    history_id,
    members_id,
    old_pending_id,
    pending_id,
)

_CANCELLED = "TransactionCanceledException"
_CONDITION_FAILED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
_IN_PROGRESS = "TransactionInProgressException"
_THROTTLED = frozenset({
    "ProvisionedThroughputExceeded", "ProvisionedThroughputExceededException", "ThrottlingError",
    "ThrottlingException", "RequestLimitExceeded", "ThrottledException",
})  # fmt: skip
"""Codes of a call, and of the items of a transaction (DynamoDB API, TransactWriteItems, "Errors")."""
_NOT_VALID = "ValidationException"
_ITEM_NOT_VALID = ("ValidationError", "ItemCollectionSizeLimitExceeded")
_OLD_LAYOUT = "|old"
"""How the token of a pending change ends that was read in the layout of releases before 0.2."""


def write_listed(
    items: DynamoItems,
    write: Callable[[Transaction], None],
    key: TableKey,
    suites: Collection[str],
    before: Collection[str] = (),
    change: SuiteChange | None = None,
) -> bool:
    """Do a conditional write of a record that is in `suites` now and was in `before`, all or nothing.

    It is put into the lists of its suites, taken out of those of the others, and pending in all; a `change` is kept in
    its history. Returns False when a condition failed. One that meets another transaction is tried again. Raise
    `PackageRefused` for too many suites, and PynamoDB's errors.
    """
    check_suites(key, {*suites, *before}, MOST_SUITES)
    transaction = items.transaction()
    write(transaction)
    add_lines(transaction, items.slots, key, suites, before, change)
    return committed(items, transaction)


def add_lines(
    transaction: Transaction,
    slots: int,
    key: TableKey,
    suites: Collection[str],
    before: Collection[str],
    change: SuiteChange | None,
) -> None:
    """Add to a write of a record what `write_listed` says that goes with it."""
    now, touched = set(suites), {*suites, *before}
    if change is not None:
        place = f"{change.when}|{uuid4().hex}"
        transaction.put(Item(history_id(key[0]), place, suite_change=written_as(change)))
    for suite in sorted(touched):
        transaction.put(Item(partition_of(pending_id(suite), key, slots), sort_key_of(key, uuid4().hex)))
    for suite in sorted(now):
        transaction.put(line_of(suite, key, slots), no_other_build(key))
    for suite in sorted(touched - now):
        if not architecture_and_build(key[1])[1]:  # that of a build stays, and keeps others out for ever
            transaction.delete(key_of_line(suite, key, slots))


def committed(items: DynamoItems, transaction: Transaction) -> bool:
    """Do a transaction, again where it meets another; return False when a condition failed. Raise PynamoDB's errors."""
    try:
        items.commit(transaction, retry_if_exception(met_another), retry_if_exception(is_throttled))
    except TransactWriteError as error:
        if condition_failed(error):
            return False
        raise
    return True


def met_another(error: BaseException) -> bool:
    """Return whether a transaction was cancelled since another one had to do with the same items."""
    if not isinstance(error, TransactWriteError) or condition_failed(error):
        return False
    return code_of(error) == _IN_PROGRESS or _CONFLICT in _reasons_of(error)


def is_throttled(error: BaseException) -> bool:
    """Return whether DynamoDB refused a call since it is asked for more than its capacity, one in a transaction too."""
    if isinstance(error, TransactWriteError) and not condition_failed(error):
        return code_of(error) in _THROTTLED or not _THROTTLED.isdisjoint(_reasons_of(error))
    return isinstance(error, PynamoDBException) and code_of(error) in _THROTTLED


def refused_for(error: PynamoDBException) -> str:
    """Return why DynamoDB does not take a call as it stands, in its own words; "" where it is for another reason."""
    if code_of(error) == _NOT_VALID:
        return str(error.cause_response_message)
    if isinstance(error, TransactWriteError):
        reasons = (reason for reason in error.cancellation_reasons if reason is not None)
        return next((str(reason.message or reason.code) for reason in reasons if reason.code in _ITEM_NOT_VALID), "")
    return ""


def condition_failed(error: TransactWriteError) -> bool:
    """Return whether a transaction was cancelled since a condition did not hold."""
    return code_of(error) == _CANCELLED and _CONDITION_FAILED in _reasons_of(error)


def _reasons_of(error: TransactWriteError) -> set[str]:
    return {reason.code for reason in error.cancellation_reasons if reason is not None}


def key_of_line(suite: str, key: TableKey, slots: int) -> TableKey:
    """Return the key of the item that lists a record in a suite whose list has `slots` partitions.

    All builds of a version and architecture have the same, so that a suite lists one of them.
    """
    plain = (key[0], architecture_and_build(key[1])[0])
    return (partition_of(members_id(suite), plain, slots), sort_key_of(plain))


def line_of(suite: str, key: TableKey, slots: int) -> Item:
    """Return the item that lists a record in a suite."""
    build = architecture_and_build(key[1])[1]
    return Item(*key_of_line(suite, key, slots), build=build or None)


def no_other_build(key: TableKey) -> Condition:
    """Return the condition that the line of a record is not another build's."""
    build = architecture_and_build(key[1])[1]
    condition: Condition = (Item.package_id.does_not_exist() | (Item.build == build)) if build else (
        Item.build.does_not_exist()
    )  # fmt: skip
    return condition


def read_changes(items: DynamoItems, package_id: str) -> list[SuiteChange]:
    """Return what was kept of the changes of a version's suites, oldest first, by a consistent query."""
    return [read_from(item["suite_change"]["S"]) for item in items.of_partition(history_id(package_id))]


def read_pending(items: DynamoItems, suite: str) -> list[PendingChange]:
    """Return a suite's pending changes, those of the old layout too: consistent queries, side by side."""
    old = old_pending_id(suite)
    return [
        PendingChange(key_in(token), f"{token}{_OLD_LAYOUT}" if partition == old else token)
        for partition, token in sort_keys_in(items, pending_id(suite), old)
    ]


def remove_pending(items: DynamoItems, suite: str, changes: Sequence[PendingChange]) -> None:
    """Remove pending changes; one that is gone is no error."""

    def key_of(change: PendingChange) -> TableKey:
        token = change.token.removesuffix(_OLD_LAYOUT)
        old = token != change.token
        return (old_pending_id(suite) if old else partition_of(pending_id(suite), change.key, items.slots), token)

    items.delete_all(map(key_of, changes))


def of_old_layout(changes: Iterable[PendingChange]) -> list[TableKey]:
    """Return the keys of the pending changes that a release before 0.2 wrote, which kept no lists of suites."""
    return sorted({change.key for change in changes if change.token.endswith(_OLD_LAYOUT)})
