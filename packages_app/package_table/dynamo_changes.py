"""Marks of changed records in DynamoDB: items of a partition for each suite, written in the record's own transaction.

Each mark is an item of its own, so writers never meet on one, and whoever removes it removes nothing newer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import uuid4

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from packages_app.core.ports import Change
from packages_app.core.record import TableKey
from packages_app.package_table.dynamo_item import TRIES
from packages_app.package_table.rules import changes_id

_CANCELLED = "TransactionCanceledException"
_CONDITION_FAILED = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
_BETWEEN = "|"


def write_marked(items: Any, write: Callable[[TransactWrite], None], key: TableKey, suites: Iterable[str]) -> bool:
    """Do a conditional write of a record and mark it in its suites, all or nothing; False when a condition failed.

    One that meets another transaction is tried again. Raises PynamoDB's errors.
    """
    marks = [items(changes_id(suite), _BETWEEN.join((*key, uuid4().hex))) for suite in sorted(set(suites))]
    for attempt in range(1, TRIES + 1):
        try:
            with TransactWrite(connection=items._get_connection().connection) as transaction:
                write(transaction)
                for mark in marks:
                    transaction.save(mark)
        except TransactWriteError as error:
            reasons = {reason.code for reason in error.cancellation_reasons if reason is not None}
            if error.cause_response_code == _CANCELLED and _CONDITION_FAILED in reasons:
                return False
            if _CONFLICT not in reasons or attempt == TRIES:
                raise
            time.sleep(0.05 * 2**attempt * random.uniform(0.5, 1))  # noqa: S311 - no secret
        else:
            return True
    raise AssertionError  # pragma: no cover - the loop returns or raises


def read_marks(items: Any, suite: str) -> list[Change]:
    """Give a suite's marks: a consistent query of its partition."""
    return [_change(item.architecture) for item in items.query(changes_id(suite), consistent_read=True)]


def remove_marks(items: Any, suite: str, changes: Sequence[Change]) -> None:
    """Remove marks, 25 a call; one that is gone is no error."""
    with items.batch_write() as batch:
        for change in changes:
            batch.delete(items(changes_id(suite), change.token))


def _change(token: str) -> Change:
    package_id, architecture, _ = token.rsplit(_BETWEEN, 2)
    return Change((package_id, architecture), token)
