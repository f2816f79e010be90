"""Rows written in bulk by one prepared statement: Django's own bulk writes take some six times as long a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.functions import Collate

from packages_app.models.of_archive import slug_of_rows


def write_rows(
    model: type[Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, key: Sequence[str]
) -> None:
    """Write rows, values in the order of `columns` (fields of the model); one that is there takes the new values.

    All are rows of this archive. `key` are the fields of a unique constraint, behind `archive`, that tells which is
    there. Values are written as they are, so they have to be what the database holds: text, whole numbers, None. They
    are written in the order of their keys, whatever that of `rows` is: two that write the same rows wait for
    each other, and come to no deadlock.
    """
    own = {field.name: str(field.column) for field in model._meta.concrete_fields}
    names = {field: connection.ops.quote_name(own[field]) for field in ("archive", *columns)}
    changed = ", ".join(f"{name} = excluded.{name}" for field, name in names.items() if field not in ("archive", *key))
    change = f"UPDATE SET {changed}" if changed else "NOTHING"
    statement = (
        f"INSERT INTO {connection.ops.quote_name(model._meta.db_table)} "  # noqa: S608 - names of the model
        f"({', '.join(names.values())}) VALUES ({', '.join(['%s'] * len(names))}) "
        f"ON CONFLICT ({', '.join(names[field] for field in ('archive', *key))}) DO {change}"
    )
    in_order, slug = sorted(rows, key=itemgetter(*map(columns.index, key))), slug_of_rows()
    with connection.cursor() as cursor:
        cursor.executemany(statement, [(slug, *row) for row in in_order])


def lock_rows(rows: QuerySet[Any], key: Sequence[str]) -> None:
    """Lock rows in the order in which they are written; SQLite has one lock for all of them."""
    if connection.vendor == "postgresql":
        list(rows.select_for_update().order_by(*(Collate(column, "C") for column in key)).values_list("pk"))
