"""The distinct values of an indexed column, found by leaping from each to the next, not by reading every row."""

from __future__ import annotations

from typing import Any, cast

from django.db import connection, models

from packages_app.models.of_archive import slug_of_rows

_LEAP = """
WITH RECURSIVE leap(value) AS (
    SELECT MIN({column}) FROM {table} WHERE {archive} = %s
    UNION ALL
    SELECT (SELECT MIN({column}) FROM {table} WHERE {archive} = %s AND {column} > leap.value)
    FROM leap WHERE leap.value IS NOT NULL
)
SELECT value FROM leap WHERE value IS NOT NULL
"""


def values_there(model: type[models.Model], field: str) -> list[str]:
    """Return the values that a text field has in some row of this archive, "" left out, sorted.

    The field has to stand behind `archive` at the beginning of an index.

    One query, of as many steps as there are values: neither SQLite nor PostgreSQL does so for SELECT DISTINCT.
    """
    column = cast("models.Field[Any, Any]", model._meta.get_field(field)).column or field
    quote = connection.ops.quote_name
    leap = _LEAP.format(table=quote(model._meta.db_table), column=quote(column), archive=quote("archive"))
    with connection.cursor() as cursor:
        cursor.execute(leap, [slug_of_rows()] * 2)
        return [value for (value,) in cursor.fetchall() if value]
