"""Queries that select packages, as people write them: aptly's syntax where it has one for the thing (aptly(1)).

    nginx                                     a package by its name; nginx* and *-doc are names, too
    nginx (>= 1.24~), !$Architecture (arm64)  "," and "|" and "!", or and, or, not; parentheses
    nginx_1.24.0-1_amd64                      one version of it
    Section (net) | Maintainer (% "*@example.org>")

A name that begins with a capital letter or `$` is a field's: of the record, or any of the control paragraph's. See
docs/QUERIES.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.core.version import is_version

LONGEST_QUERY = 4096
_DEEPEST = 50
"""So many parentheses or negations within each other; none that a person wrote has more."""
_MOST_STARS = 8


class QueryRefused(RepomgrError):
    """A query that selects packages can't be read; the sentence shows where it is wrong."""

    code = "bad_query"
    outcome = Outcome.REFUSED


class Kind(Enum):
    """What the values of a field are."""

    TEXT = "text"
    VERSION = "version"
    BYTES = "bytes"
    AGE = "age"


_KINDS = {"version": Kind.VERSION, "size": Kind.BYTES, "age": Kind.AGE}
"""Fields whose values have an order; all others are text."""
_SAME = {"package": "name", "packagetype": "type"}
ORDERS = ("<<", "<=", "=", ">=", ">>")


def kind_of(field: str) -> Kind:
    """Return what the values of a field are; its name is in lower case."""
    return _KINDS.get(field, Kind.TEXT)


@dataclass(frozen=True)
class Condition:
    """One field compared: by one of `ORDERS`, by `%` with a pattern, or "" for: it is there and not empty.

    `field` is in lower case. `value` is text; of `Kind.BYTES` whole bytes and of `Kind.AGE` whole seconds.
    """

    field: str
    operator: str
    value: str | int

    @property
    def kind(self) -> Kind:
        """What the field's values are."""
        return kind_of(self.field)


@dataclass(frozen=True)
class Not:
    """Packages that `part` does not select."""

    part: Query


@dataclass(frozen=True)
class Every:
    """Packages that each of `parts` selects."""

    parts: tuple[Query, ...]


@dataclass(frozen=True)
class Some:
    """Packages that at least one of `parts` selects."""

    parts: tuple[Query, ...]


Query = Condition | Not | Every | Some

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
    (?P<mark><<|<=|>=|>>|<|>|=|%|~|[(){},|!])
    |(?P<quoted>"[^"]*"|'[^']*')
    |(?P<word>[^ \t\r\n(){},|!<>=%'"]+)
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
_BYTES = re.compile(r"([0-9]{1,12})(?:([kmgt])(i?)b?|b)?\Z", re.IGNORECASE)
_AGE = re.compile(r"([0-9]{1,6})([hdw])\Z", re.IGNORECASE)
_AGES = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_MARKS = re.compile(r"""[ (){}|,!$*?"'=<>%_]""")
_NAME = re.compile(r"[a-z0-9*?][a-z0-9+.*?-]*\Z")


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


def parse_query(text: str) -> Query:
    """Return what a query says; raise `QueryRefused`, which shows where it is wrong."""
    if len(text) > LONGEST_QUERY:
        raise QueryRefused(
            f"The query has {len(text)} characters.", remedy=f"Use at most {LONGEST_QUERY}, or ask in parts."
        )
    return _Parser(text).query()


def is_query(text: str) -> bool:
    """Return whether a text that people search by says more than a part of a name, or a name and a version."""
    return bool(_MARKS.search(text.strip()))


class _Parser:
    """Reads a query's tokens one by one: `|` binds least, then `,`, then `!`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._depth = 0
        self._next = self._read(0)

    def query(self) -> Query:
        """Return the whole query."""
        if self._next.kind == "end":
            raise self._wrong("A query is empty", "Name packages, as in nginx or $Suite (stable).")
        found = self._some()
        if self._next.kind != "end":
            raise self._wrong(f"Unexpected {self._next.text!r}", "Join two conditions by a comma or a |.")
        return found

    def _some(self) -> Query:
        parts = self._joined(self._every, "|", "or")
        return parts[0] if len(parts) == 1 else Some(parts)

    def _every(self) -> Query:
        parts = self._joined(self._one, ",", "and")
        return parts[0] if len(parts) == 1 else Every(parts)

    def _joined(self, part: Callable[[], Query], mark: str, word: str) -> tuple[Query, ...]:
        parts = [part()]
        while self._takes(mark) or self._takes_word(word):
            parts.append(part())
        return tuple(parts)

    def _one(self) -> Query:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self._wrong("Too much within each other", f"Use at most {_DEEPEST} parentheses within each other.")
        if self._takes("!") or self._takes_word("not"):
            found: Query = Not(self._one())
        elif self._takes("("):
            found = self._some()
            self._must(")")
        else:
            found = self._condition()
        self._depth -= 1
        return found

    def _condition(self) -> Query:
        token = self._next
        if token.kind != "word":
            what = repr(token.text) if token.text else "the end"
            raise self._wrong(f"Unexpected {what}", "Here stands a package's name, a field, or a parenthesis.")
        self._take()
        if token.text.startswith("$") or token.text[0].isupper():
            return self._of_field(token)
        if "_" in token.text:
            return self._reference(token)
        if not _NAME.match(token.text):
            raise self._wrong_at(token, f"{token.text!r} is no package's name", "Write fields as in Section (net).")
        conditions: list[Query] = [self._matching("name", token.text, token)]
        if self._takes("("):
            operator = self._operator()
            conditions.append(self._compared("version", operator))
            self._must(")")
        if self._takes("{"):
            conditions.append(self._matching("architecture", *self._value()))
            self._must("}")
        return conditions[0] if len(conditions) == 1 else Every(tuple(conditions))

    def _reference(self, token: _Token) -> Query:
        """Return one version of a package, from `name_version_architecture`, of all builds or `#` and one."""
        parts = token.text.split("_")
        if len(parts) != 3 or not all(parts):
            raise self._wrong_at(token, f"{token.text!r} is no reference", "Write name_version_architecture.")
        name, version, architecture = parts
        if not is_version(version):
            raise self._wrong_at(token, f"{version!r} is no version", "Write name_version_architecture.")
        architecture, mark, build = architecture.partition("#")
        conditions: list[Query] = [
            self._matching("name", name, token),
            Condition("version", "=", version),
            Condition("architecture", "%", architecture),
        ]
        if mark:
            conditions.append(Condition("build", "=", build))
        return Every(tuple(conditions))

    def _of_field(self, token: _Token) -> Query:
        field = token.text.removeprefix("$").lower()
        field = _SAME.get(field, field)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", field):
            raise self._wrong_at(token, f"{token.text!r} is no field", "Write fields as in Section (net).")
        if not self._takes("("):
            return Condition(field, "", "")
        found = self._compared(field, self._operator())
        self._must(")")
        return found

    def _operator(self) -> str:
        token = self._next
        if token.kind == "mark" and token.text in (*ORDERS, "%"):
            self._take()
            return token.text
        if token.kind == "mark" and token.text in ("<", ">"):
            raise self._wrong(f"{token.text!r} is no comparison", "Write << or <=, >> or >=, as dpkg does.")
        if token.kind == "mark" and token.text == "~":
            raise self._wrong("Patterns of ~ are not read", "Use % with * for any text and ? for one character.")
        return "="

    def _compared(self, field: str, operator: str) -> Query:
        value, at = self._value()
        kind = kind_of(field)
        if operator == "%":
            if kind in (Kind.BYTES, Kind.AGE):
                raise self._wrong_at(at, f"{field} is a number", "Compare it by << <= = >= >>.")
            return self._pattern(field, value, at)
        if kind is Kind.VERSION:
            if not is_version(value):
                raise self._wrong_at(at, f"{value!r} is no version", "Write a version, or % and a pattern.")
            return Condition(field, operator, value)
        if kind is Kind.BYTES:
            return Condition(field, operator, self._bytes(value, at))
        if kind is Kind.AGE:
            return Condition(field, operator, self._age(value, at))
        if operator != "=":
            raise self._wrong_at(at, f"{field} has no order", "Compare it by = or %; version, size and age have one.")
        return Condition(field, "=", value)

    def _matching(self, field: str, value: str, at: _Token) -> Condition:
        """Return a condition of a text in which `*` and `?` stand for others."""
        return self._pattern(field, value, at) if "*" in value or "?" in value else Condition(field, "=", value)

    def _pattern(self, field: str, value: str, at: _Token) -> Condition:
        if value.count("*") > _MOST_STARS:
            raise self._wrong_at(at, f"{value!r} has too many stars", f"Use at most {_MOST_STARS}.")
        return Condition(field, "%", value)

    def _bytes(self, value: str, at: _Token) -> int:
        if not (found := _BYTES.match(value)):
            raise self._wrong_at(at, f"{value!r} is no size", "Write bytes, as in 500k, 10M or 2GiB.")
        unit, binary = found[2] or "", found[3]
        power = "kmgt".index(unit.lower()) + 1 if unit else 0
        thousand: int = (1024 if binary else 1000) ** power
        return int(found[1]) * thousand

    def _age(self, value: str, at: _Token) -> int:
        if not (found := _AGE.match(value)):
            raise self._wrong_at(at, f"{value!r} is no age", "Write hours, days or weeks, as in 36h, 30d or 4w.")
        return int(found[1]) * int(_AGES[found[2].lower()].total_seconds())

    def _value(self) -> tuple[str, _Token]:
        """Return a value: what is quoted, or words up to what closes it, a blank between each."""
        first = self._next
        if first.kind == "quoted":
            self._take()
            return first.text[1:-1], first
        words = []
        while self._next.kind == "word":
            words.append(self._take().text)
        if not words:
            raise self._wrong("A value is missing", 'Write it before what closes it, in "quotes" if need be.')
        return " ".join(words), first

    def _takes(self, mark: str) -> bool:
        if self._next.kind == "mark" and self._next.text == mark:
            self._take()
            return True
        return False

    def _takes_word(self, word: str) -> bool:
        if self._next.kind == "word" and self._next.text.lower() == word:
            self._take()
            return True
        return False

    def _must(self, mark: str) -> None:
        if not self._takes(mark):
            what = repr(self._next.text) if self._next.text else "the end"
            raise self._wrong(f"Unexpected {what}", f"Here stands a {mark}.")

    def _take(self) -> _Token:
        token = self._next
        self._next = self._read(token.at + len(token.text))
        return token

    def _read(self, at: int) -> _Token:
        found = _TOKEN.match(self._text, at)
        if not found or not found.lastgroup:
            start = at + len(self._text[at:]) - len(self._text[at:].lstrip(" \t\r\n"))
            raise self._wrong_at(_Token("", "", start), "A quote is not closed", "Close it, or leave it out.")
        return _Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup))

    def _wrong(self, why: str, remedy: str) -> QueryRefused:
        return self._wrong_at(self._next, why, remedy)

    def _wrong_at(self, token: _Token, why: str, remedy: str) -> QueryRefused:
        read, rest = self._text[max(0, token.at - 20) : token.at], self._text[token.at : token.at + 20]
        return QueryRefused(f"{why} at character {token.at + 1} of the query: {read}<here>{rest}", remedy=remedy)
