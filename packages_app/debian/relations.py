"""Relations to other packages (Debian Policy 7), read so that whatever is sound here both dpkg and apt take.

dpkg reads them in `f_dependency` (lib/dpkg/fields.c), apt in `debListParser::ParseDepends`. What one of them forgives,
the other may not: apt fails for a whole repository over one empty member, and crashes over alternatives in Conflicts.
So this is the part that both have: names in lower case, each member with something in it, no `[amd64]` and no
`<profile>`, which belong into source packages, versions as dpkg wants them, alternatives where dpkg allows them.
"""

from __future__ import annotations

import re

from packages_app.core.version import is_strict_version
from packages_app.debian.limits import LONGEST_ARCHITECTURE, LONGEST_NAME

_ALTERNATIVES = ("Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances")
_ONE_EACH = ("Breaks", "Conflicts", "Provides", "Replaces")
RELATION_FIELDS = (*_ALTERNATIVES, *_ONE_EACH)

_BLANKS = r"[ \t\n]*"
_NAME = rf"[a-z0-9][a-z0-9+._-]{{0,{LONGEST_NAME - 1}}}"
_ARCHITECTURE = rf"[A-Za-z0-9][A-Za-z0-9-]{{0,{LONGEST_ARCHITECTURE - 1}}}"
# What nearly all versions are; the others are looked at one by one. Under 256 characters in all.
_VERSION = r"(?:[0-9]{1,9}:)?[0-9](?:[A-Za-z0-9.+~-]{0,240}[A-Za-z0-9.+~])?"


def _plain(operators: str, separators: str) -> re.Pattern[str]:
    """Return what matches a whole field of relations with nothing odd in it, in one go."""
    one = rf"{_NAME}(?::{_ARCHITECTURE})?{_BLANKS}(?:\((?:{operators}){_BLANKS}{_VERSION}{_BLANKS}\){_BLANKS})?"
    return re.compile(rf"{one}(?:{separators}{_BLANKS}{one})*\Z")


_OPERATORS = "<<|<=|=|>=|>>"
_PLAIN = {
    **dict.fromkeys(_ALTERNATIVES, _plain(_OPERATORS, r"[,|]")),
    **dict.fromkeys(_ONE_EACH, _plain(_OPERATORS, ",")),
    "Provides": _plain("=", ","),
}
_RELATION = re.compile(
    rf"{_BLANKS}(?P<name>[^ \t\n:(,|]*)(?P<colon>:(?P<architecture>[^ \t\n(,|]*))?{_BLANKS}"
    rf"(?P<version>\({_BLANKS}(?:(?P<operator>[<>=]{{1,2}}){_BLANKS})?"
    rf"(?P<number>[^ \t\n()<>=][^ \t\n()]*){_BLANKS}\){_BLANKS})?"
)
_QUALIFIED = re.compile(r"(?:\A|[,|])[ \t\n]*[^ \t\n:(,|]*:([^ \t\n(,|]*)")
_SEPARATOR = re.compile("[,|]")
_SHOWN = 80
_NAMED = re.compile(_NAME + r"\Z")
_OF_ARCHITECTURE = re.compile(_ARCHITECTURE + r"\Z")
# `<` and `>` are `<=` and `>=` to both readers, and without any they read `=`; dpkg warns of each.
_KNOWN_OPERATORS = frozenset(("<<", "<=", "=", ">=", ">>", "<", ">", ""))
# apt gives up over `(=1)` at the end of a field: from the operator on it wants four characters at least.
_FEWEST_FROM_OPERATOR = 4


def relations_fault(field: str, value: str) -> str:
    """Return what is wrong with a relation field's value, with the relation in it; "" when dpkg and apt take it.

    An empty value is sound: both readers pass it over. Its lines are joined by newlines, as in a control paragraph.
    """
    if not value or (_PLAIN[field].match(value) and value[-3:-2] not in ("<", "=", ">")):
        return ""
    if value[0] in " \t\n":
        return "it begins on the next line, where dpkg does not look for it; it is to begin behind the colon"
    at = 0
    while found := _RELATION.match(value, at):
        fault = _fault_of(field, found, value)
        if fault or found.end() == len(value):
            return fault
        at = found.end() + 1
    return ""


def lower_names(value: str) -> str:
    """Return a relation field's value with its packages' names in lower case: so dpkg reads them, and apt does not."""
    if value == value.lower():
        return value
    parts, at = [], 0
    while at <= len(value) and (found := _RELATION.match(value, at)):
        start, end = found.span("name")
        # Of letters that are not ASCII some are ASCII ones in lower case; such names no reader takes.
        name = found["name"].lower() if found["name"].isascii() else found["name"]
        parts += [value[at:start], name, value[end : found.end() + 1]]
        at = found.end() + 1
    return "".join(parts)


def architectures_named(value: str) -> set[str]:
    """Return the architectures that a relation field names behind colons, `any` and the like among them."""
    return set(_QUALIFIED.findall(value)) if ":" in value else set()


def count_relations(value: str) -> int:
    """Return how many relations a field has, its alternatives counted too."""
    return value.count(",") + value.count("|") + 1 if value else 0


def _fault_of(field: str, found: re.Match[str], value: str) -> str:
    start = found.start("name")
    member = value[start : start + _SHOWN]
    shown = repr(_SEPARATOR.split(member, maxsplit=1)[0].strip(" \t\n"))
    after = value[found.end() : found.end() + 1]
    if not found["name"]:
        return _why_empty(value, start)
    if not _NAMED.match(found["name"]):
        return f"{shown} names no package (Debian Policy 5.6.1; at most {LONGEST_NAME} characters)"
    if found["colon"] and not _OF_ARCHITECTURE.match(found["architecture"]):
        return f"{shown} names no architecture behind its colon"
    if after not in ("", ",", "|"):
        return f"{shown} is no relation of a binary package, from {after!r} on (Debian Policy 7.1)"
    if after == "|" and field in _ONE_EACH:
        return f"it has alternatives at {shown}; in {field} no reader takes them"
    return _fault_of_version(field, found, value, shown) if found["version"] else ""


def _why_empty(value: str, at: int) -> str:
    if at == len(value):
        return "it ends with a comma or a bar, and nothing follows"
    return f"a member of it is empty, near {value[max(0, at - 20) : at + 20]!r}"


def _fault_of_version(field: str, found: re.Match[str], value: str, shown: str) -> str:
    operator, number = found["operator"] or "", found["number"]
    begins = found.start("operator" if operator else "number")
    if operator not in _KNOWN_OPERATORS:
        return f"{shown} has no operator that is one of << <= = >= >>"
    if field == "Provides" and operator not in ("=", ""):
        return f"{shown} provides other than one version; only = is taken there"
    if not is_strict_version(number):
        return f"{shown} has {number[:80]!r}, which dpkg takes for no version"
    if len(value.rstrip(" \t\n")) - begins < _FEWEST_FROM_OPERATOR:
        return f"{shown} is too short for apt, which then reads nothing of the repository; put a blank before {number}"
    return ""


_EXACT = re.compile(
    rf"(?:\A|[,|]){_BLANKS}(?P<name>{_NAME})(?::{_ARCHITECTURE})?{_BLANKS}"
    rf"\({_BLANKS}(?:={_BLANKS})?(?P<number>[^ \t\n()<>=]+){_BLANKS}\)"
)


def exact_relations(value: str) -> list[tuple[str, str]]:
    """Return the packages that a relation field names with one version (`=`): name and version, in their order."""
    return [(found["name"], found["number"]) for found in _EXACT.finditer(value)] if "(" in value else []
