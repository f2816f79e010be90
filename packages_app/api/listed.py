"""Long lists in pages: each but the last names the next by a cursor, which nobody can make up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.db.models import Model, Q, QuerySet
from ninja import Schema

from packages_app.api.problems import BadRequest, NotThere

Item = TypeVar("Item")
Row = TypeVar("Row", bound=Model)

MOST, USUAL = 500, 100
_MOST_NUMBER = 2**63 - 1


class Listed(Schema, Generic[Item]):
    """Some items, and the cursor of those that follow; null for the last."""

    items: list[Item]
    next: str | None = None


def page_of(rows: QuerySet[Row], order: Sequence[str], cursor: str, limit: int, asked: Any = "") -> dict[str, Any]:
    """Return the rows after a cursor in an order of columns, whose values together no two rows share.

    A column that begins with `-` is descending. `asked` are the other parameters of the list, which a cursor is bound
    to. Raise `BadRequest` for a cursor that is not of this list.
    """
    signer = Signer(salt=f"cursor {rows.model._meta.label} {asked!r} {order!r}")
    columns = [name.removeprefix("-") for name in order]
    if cursor:
        try:
            after = signer.unsign_object(cursor)
        except (BadSignature, ValueError, TypeError) as error:
            raise BadRequest(
                "The cursor is not one of this list.", remedy="Begin the list anew, without it."
            ) from error
        rows = rows.filter(_after(order, after))
    limit = min(max(limit, 1), MOST)
    found = list(rows.order_by(*order)[: limit + 1])
    more = len(found) > limit
    last = found[limit - 1] if more else None
    values = [getattr(last, name) for name in columns] if last is not None else []
    return {
        "items": found[:limit],
        "next": signer.sign_object([_plain(value) for value in values]) if more else None,
    }


def row_of(rows: QuerySet[Row], key: int | UUID, what: str) -> Row:
    """Return the row of a key; raise `NotThere` where there is none, of a number that no row can have too."""
    known = isinstance(key, UUID) or 0 < key <= _MOST_NUMBER
    found = rows.filter(pk=key).first() if known else None
    if found is None:
        raise NotThere(f"There is no {what} {key}.", remedy="List those that there are.")
    return found


def _after(order: Sequence[str], after: Sequence[Any]) -> Q:
    """Return the condition of rows that come after these values: later in the first column that differs."""
    condition, same = Q(), Q()
    for name, value in zip(order, after, strict=True):
        column = name.removeprefix("-")
        later = Q((f"{column}__{'lt' if name.startswith('-') else 'gt'}", value))
        condition |= same & later
        same &= Q((column, value))
    return condition


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int) else value.isoformat() if hasattr(value, "isoformat") else str(value)
