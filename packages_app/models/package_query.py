"""Queries (core/query.py) as conditions on the mirror: what a query selects is selected by the database."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.models import CharField, F, Func, Lookup, Q, TextField, Value
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual

from packages_app.core.layout import ALL
from packages_app.core.query import Condition, Every, Kind, Not, Query
from packages_app.core.version import version_key
from packages_app.debian.stanza import parsed_stanza
from packages_app.models.package import SuiteMembership

if TYPE_CHECKING:
    _Lookup = Lookup[Any]
else:
    _Lookup = Lookup

_COLUMNS = {
    "name": "package_name",
    "definition": "package_name",
    "version": "version",
    "architecture": "architecture",
    "build": "build",
    "component": "component",
    "type": "package_type",
    "section": "section",
    "priority": "priority",
    "maintainer": "maintainer",
    "homepage": "homepage",
    "depends": "depends",
    "description": "description",
    "size": "file_size",
    "age": "processed_timestamp",
}
"""The columns that hold fields; what no column holds is read from the control paragraph, or is a suite."""
_ORDERS: dict[str, type[Any]] = {
    "<<": LessThan,
    "<=": LessThanOrEqual,
    "=": Exact,
    ">=": GreaterThanOrEqual,
    ">>": GreaterThan,
}
_OPPOSITE = {"<<": ">>", "<=": ">=", "=": "=", ">=": "<=", ">>": "<<"}


def selected_by(query: Query, now: datetime) -> Q:
    """Return the condition on `Package` that is true of what a query selects, ages being those of `now` (UTC)."""
    if isinstance(query, Condition):
        return _condition(query, now)
    if isinstance(query, Not):
        return ~selected_by(query.part, now)
    found = Q()
    for part in query.parts:
        condition = selected_by(part, now)
        found = found & condition if isinstance(query, Every) else found | condition
    return found


def _condition(condition: Condition, now: datetime) -> Q:  # noqa: PLR0911 - one for each kind of field
    field, operator, value = condition.field, condition.operator, condition.value
    if field == "suite":
        return _in_suites(operator, str(value))
    if operator == "%":
        return Q(Glob(_expression(field), Value(str(value))))
    if condition.kind is Kind.BYTES:
        known = Q(file_size__isnull=False)
        return known & Q(_ORDERS[operator](F("file_size"), Value(value))) if operator else known
    if operator == "":
        said = ControlField(F("control"), Value(field)) if field == "source" else _expression(field)
        return ~Q(Exact(said, Value("")))
    if field == "architecture":  # as aptly has it: what is for all is for this one, too
        return Q(architecture__in=(value, ALL))
    if condition.kind is Kind.AGE:
        return _taken_in(operator, now - timedelta(seconds=int(value)))
    if condition.kind is Kind.VERSION:
        return Q(_ORDERS[operator](F("version_key"), Value(version_key(str(value)))))
    return Q(Exact(_expression(field), Value(value)))


def _taken_in(operator: str, moment: datetime) -> Q:
    """Return the condition of an age: who is older was taken in earlier."""
    moment_text = Value(moment.isoformat(timespec="seconds"))
    return ~Q(processed_timestamp="") & Q(_ORDERS[_OPPOSITE[operator]](F("processed_timestamp"), moment_text))


def _in_suites(operator: str, value: str) -> Q:
    members = SuiteMembership.objects.all()
    if operator == "%":
        members = members.filter(Glob(F("suite"), Value(value)))
    elif operator == "=":
        members = members.filter(suite=value)
    return Q(pk__in=members.values("package"))


def _expression(field: str) -> Any:
    if field == "source":
        return SourceName(F("control"), F("package_name"))
    return F(_COLUMNS[field]) if field in _COLUMNS else ControlField(F("control"), Value(field))


class Glob(_Lookup):
    """Whether a text is as a pattern of `*` (any text) and `?` (one character) says, letter for letter.

    On SQLite it takes time linear in the text however many stars there are; PostgreSQL's own patterns never go back.
    """

    lookup_name = "glob"

    def as_sql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, Any]:
        """Return the SQL and its parameters for a database."""
        left, left_values = self.process_lhs(compiler, connection)
        pattern = str(self.process_rhs(compiler, connection)[1][0])
        if connection.vendor == "postgresql":
            return f"{left} ~ %s", (*left_values, _regex_of(pattern))
        return f"repomgr_glob(%s, {left})", (pattern, *left_values)


def _regex_of(pattern: str) -> str:
    """Return a pattern as PostgreSQL's regular expressions have it; its `.` is any character, a newline too."""
    parts = {"*": ".*", "?": "."}
    return "^" + "".join(parts.get(letter) or _literal(letter) for letter in pattern) + "$"


def _literal(text: str) -> str:
    return re.sub(r"(\W)", r"\\\1", text)


class ControlField(Func):
    """The value of a control paragraph's field, "" where it is not there: its first line, then the others as written.

    Takes the paragraph and the field's name in lower case.
    """

    function = "repomgr_control_field"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        """Return the SQL of PostgreSQL, whose patterns do the same."""
        control, name = self.source_expressions
        left, values = compiler.compile(control)
        (field,) = compiler.compile(name)[1]
        pattern = rf"\n{_literal(field)}:[ \t]*((?:[^\n]|\n[ \t])*)"
        return (
            f"COALESCE(rtrim((regexp_match(E'\\n' || {left}, %s, 'i'))[1], E' \\t\\n'), '')",
            (*values, pattern),
        )


class SourceName(Func):
    """The source package of a control paragraph: the `Source` field less a version, or the package's own name."""

    function = "repomgr_source_name"
    output_field = CharField()

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper, **context: Any) -> tuple[str, Any]:
        """Return the SQL of PostgreSQL."""
        control, name = self.source_expressions
        source, values = compiler.compile(ControlField(control, Value("source")))
        own, own_values = compiler.compile(name)
        return f"COALESCE(NULLIF(split_part({source}, ' ', 1), ''), {own})", (*values, *own_values)


def _glob(pattern: str, text: str | None) -> bool:
    """Return whether a text is as a pattern says: each piece between two stars is looked for once, the earliest."""
    if text is None:
        return False
    first, *pieces = pattern.split("*")
    if not pieces:
        return _piece_at(first, text, 0) and len(text) == len(first)
    last = pieces.pop()
    if not (_piece_at(first, text, 0) and len(text) >= len(first) + len(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in pieces:
        at = next((place for place in range(at, end - len(piece) + 1) if _piece_at(piece, text, place)), -1)
        if at < 0:
            return False
        at += len(piece)
    return _piece_at(last, text, end)


def _piece_at(piece: str, text: str, at: int) -> bool:
    if "?" not in piece:
        return text.startswith(piece, at)
    part = text[at : at + len(piece)]
    return len(part) == len(piece) and all(wanted in ("?", letter) for wanted, letter in zip(piece, part, strict=True))


def _control_field(control: str, name: str) -> str:
    return parsed_stanza(control)[0].get(name, "").strip(" \t\n")


def _source_name(control: str, package_name: str) -> str:
    return _control_field(control, "source").partition(" ")[0] or package_name


_FUNCTIONS: Sequence[tuple[str, int, Callable[..., Any]]] = (
    ("repomgr_glob", 2, _glob),
    ("repomgr_control_field", 2, _control_field),
    ("repomgr_source_name", 2, _source_name),
)


def _give_functions(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Give a new connection to SQLite the functions that queries use."""
    if connection.vendor == "sqlite":
        for name, arguments, function in _FUNCTIONS:
            connection.connection.create_function(name, arguments, function, deterministic=True)


connection_created.connect(_give_functions, dispatch_uid="queries of packages")
