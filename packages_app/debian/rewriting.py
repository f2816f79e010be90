"""A control file written so that apt, and our own readers of an index, read in it what dpkg reads.

dpkg takes blanks before a colon, vertical tabs and form feeds for blanks, names of packages in any case, and some
values of which apt makes another. Only these are written anew; all else stays as it stands.
"""

from __future__ import annotations

import re

from packages_app.debian.relations import RELATION_FIELDS, lower_names
from packages_app.debian.stanza import split_fields

_NAME = re.compile(r"([!\"$-,.-9;-~][!-9;-~]+)[ \t\v\f]*\Z")
_BLANKS = " \t\v\f"
_ODD_BLANKS = re.compile("[\v\f]")
_RELATIONS = frozenset(name.lower() for name in RELATION_FIELDS)
_OF_ONE_LINE = frozenset(("section", "priority", "source", "installed-size"))
_NEGATIVE = re.compile(r"-[0-9]{1,13}\Z")
_FRACTION = re.compile(r"([0-9]{1,3})\.[0-9]{1,9}\Z")


def written_anew(text: str) -> str:
    """Return the text of a control file with nothing left in it that dpkg and apt read otherwise than each other.

    What no reader takes stays as it is, for `parse_control` to refuse.
    """
    body = text.strip("\n")
    begins = text.find(body)
    fields = [_field(field) for field in split_fields(body)]
    return text[:begins] + "\n".join(fields) + text[begins + len(body) :]


def _field(field: str) -> str:
    before, colon, value = field.partition(":")
    name = _NAME.match(before)
    return f"{name[1]}:{_value(name[1].lower(), value)}" if name and colon else field


def _value(name: str, value: str) -> str:
    first, newline, more = value.partition("\n")
    if name in _OF_ONE_LINE and newline and not first.strip(_BLANKS) and "\n" not in more:
        first, newline, more = more, "", ""
    said = first.strip(_BLANKS)
    if name == "installed-size" and _NEGATIVE.match(said):
        return " 0" + newline + more  # apt would read 2^64 less it
    if name == "phased-update-percentage" and (found := _FRACTION.match(said)):
        return f" {found[1]}" + newline + more  # what apt reads of it
    if first.strip(" \t") != said or not value.startswith(first):
        first = f" {said}" if said else ""
    value = first + newline + more
    return lower_names(_ODD_BLANKS.sub(" ", value)) if name in _RELATIONS else value
