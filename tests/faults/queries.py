"""Django's database, that fails at one chosen query."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.db import OperationalError


class Loss(Enum):
    """What is lost of a query that fails."""

    QUERY = "it was not done"
    ANSWER = "it was done, and the answer lost"
    PROCESS = "it was done, and the process died"


class Died(BaseException):
    """The end of a process, of which nothing else of it takes notice; what it had not committed is rolled back."""


@dataclass
class Queries:
    """The queries of one run in their order, and the one to fail (from 0): an execute wrapper of Django's."""

    at: int = -1
    loss: Loss = Loss.QUERY
    made: list[str] = field(default_factory=list)

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        number = len(self.made)
        self.made.append(sql)
        if number != self.at:
            return execute(sql, params, many, context)
        if self.loss is not Loss.QUERY:
            execute(sql, params, many, context)
        if self.loss is Loss.PROCESS:
            raise Died
        raise OperationalError(f"server closed the connection unexpectedly: {self.loss.value}")


def queries_to_fail(made: list[str], loss: Loss, *, every: bool) -> list[int]:
    """Return the numbers of the queries to fail: every one, or the first of each kind that writes.

    Where the answer of one that reads is lost, that is as if the query were; where the process dies after it, that is
    as after the last that wrote.
    """
    if every:
        return [number for number, sql in enumerate(made) if loss is Loss.QUERY or _writes(sql)]
    kinds = [_kind(sql) for sql in made]
    return [n for n, sql in enumerate(made) if loss is not Loss.ANSWER and _writes(sql) and kinds.index(kinds[n]) == n]


def _writes(sql: str) -> bool:
    return sql.startswith(("INSERT", "UPDATE", "DELETE", "RELEASE"))


def _kind(sql: str) -> str:
    """What a query does, to which table and columns: without names of savepoints, and values that it has inside."""
    return sql.partition(" WHERE ")[0] if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")) else sql[:8]
