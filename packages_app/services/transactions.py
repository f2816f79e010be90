"""Transactions of Django's database, done again where it gave them up: deadlocks, a server that is away for a moment.

Whoever writes rows of several packages writes them in the order of their keys, so that two writers wait for each other
in one direction. What meets another writer all the same is rolled back by PostgreSQL, and is done once more here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from django.db import connection, transaction
from tenacity import retry_if_exception

from packages_app.core.retry import DATABASE, retrying
from packages_app.services.outside_errors import is_passing, told_as_ours

Result = TypeVar("Result")

log = structlog.get_logger(__name__)


def in_transaction(work: Callable[[], Result], *, sleep: Callable[[float], None] = time.sleep) -> Result:
    """Do work in a transaction and return what it returns; do it again where the database has not done it.

    So `work` may be done several times, its queries count once. Within another transaction it is done once: what was
    rolled back is all of that, which its own caller does again. Raise what the database raises, as ours, at the end.
    """
    if connection.in_atomic_block:
        return _once(work)
    with told_as_ours():
        result: Result = retrying(DATABASE, retry_if_exception(is_passing), sleep=sleep, failed=_failed)(_once, work)
        return result


def _once(work: Callable[[], Result]) -> Result:
    with transaction.atomic():
        return work()


def _failed(number: int, error: BaseException) -> None:
    log.warning("transaction_failed", attempt=number, error=str(error))
    # A lost one stays so until it is closed: the next query makes another.
    connection.close_if_unusable_or_obsolete()
