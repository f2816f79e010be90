"""Control paragraphs: taken apart as dpkg takes them apart (lib/dpkg/parse.c), and checked for what clients rely on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, TypeVar, overload

from packages_app.core.errors import InvalidDeb
from packages_app.debian.fields import OF_THE_INDEX, field_faults
from packages_app.debian.limits import LONGEST_PARAGRAPH, MOST_FIELDS

Other = TypeVar("Other")

# Printable ASCII but ":", not beginning with "#" or "-": readers compare names without regard to case, and do not agree
# on the case of other letters. dpkg wants two characters at least.
_FIELD_NAME = re.compile(r"[!\"$-,.-9;-~][!-9;-~]+\Z")
_ENDS_FOR_SOME_READER = re.compile(r"[\x00\r\x1a]")
"""A string, a line and a file end here for one of those who read a control file or an index."""
# Looked for one after the other: that takes a tenth of the time of one pattern for all.
_ODD = ("\x00", "\r", "\x1a", "\n\v", "\n\f")
_BLANK_LINE = re.compile(r"\n[ \t\v\f]*\n")
_BLANKS = " \t"
_ALL_BLANKS = " \t\v\f"
_STARTS_NO_FIELD = frozenset(" \t\v\f\n")
"""What dpkg and apt take for a blank; two of them are refused wherever it would matter."""
REMEDY = "Take another version of the package, and tell those who built it: dpkg or apt would fail on it at clients."


@dataclass(frozen=True)
class ControlParagraph(Mapping[str, str]):
    """Fields in their order, looked up without regard to case.

    A value is as it stood behind the colon, without the space around it; lines that continue it keep their leading
    space, joined by newlines.
    """

    fields: tuple[tuple[str, str], ...]

    @cached_property
    def by_name(self) -> dict[str, str]:
        """The values by the names of their fields in lower case."""
        # Of a name that is there twice, as only a foreign stanza can have it, the first counts.
        return {field.lower(): value for field, value in reversed(self.fields)}

    def __getitem__(self, name: str) -> str:
        try:
            return self.by_name[name.lower()]
        except KeyError:
            raise KeyError(name) from None

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, /, default: str | Other) -> str | Other: ...

    def get(self, name: str, /, default: Any = None) -> Any:
        """Return a field's value, or the default; what Mapping does, in a third of the time."""
        return self.by_name.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.fields)

    def __len__(self) -> int:
        return len(self.fields)


def parse_control(text: str) -> ControlParagraph:
    """Take the one paragraph of a binary package's control file apart.

    Raise `InvalidDeb` that names the line, for whatever dpkg refuses: bad syntax, a field given twice, a second
    paragraph, a blank line, no newline at the end; and for what readers do not agree on or do not hold: characters at
    which a text ends for one of them, over 500 fields, over a million bytes.
    """
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > LONGEST_PARAGRAPH:
        raise InvalidDeb(
            f"The control file has {size} bytes; {LONGEST_PARAGRAPH} fit into what apt reads at once.", remedy=REMEDY
        )
    lines = text.strip("\n").split("\n")
    skipped = text[: len(text) - len(text.lstrip("\n"))].count("\n")
    fields: list[tuple[str, list[str]]] = []
    seen: set[str] = set()
    for number, line in enumerate(lines, skipped + 1):
        _check_line(number, line, begun=bool(fields))
        if line[0] in _BLANKS:
            fields[-1][1].append(line.rstrip(_ALL_BLANKS))
            continue
        name, value = _field(number, line)
        if name.lower() in seen:
            raise _bad(number, f"the field {name} is given twice")
        if len(fields) == MOST_FIELDS:
            raise _bad(number, f"there are more than {MOST_FIELDS} fields")
        seen.add(name.lower())
        fields.append((name, [value]))
    if not text.endswith("\n") or (fields and fields[-1][1] == [""]):
        # dpkg ends over an empty last field too: it wants to see what stands behind the line.
        raise _bad(len(lines) + skipped, "it is the last one, and has no newline or no value")
    return ControlParagraph(tuple((name, "\n".join(lines)) for name, lines in fields))


def _check_line(number: int, line: str, *, begun: bool) -> None:
    if not line:
        raise _bad(number, "there is a second paragraph" if begun else "it is empty")
    if found := _ENDS_FOR_SOME_READER.search(line):
        raise _bad(number, f"it holds the control character {found.group()!r}, at which a text ends for some readers")
    if not line.strip(_ALL_BLANKS):
        raise _bad(number, "it is blank, and dpkg takes that for no line of a field")
    if line[0] in _ALL_BLANKS and (not begun or line[0] not in _BLANKS):
        raise _bad(number, "it begins with a continuation" if line[0] in _BLANKS else "it begins with an odd blank")


def _field(number: int, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _FIELD_NAME.match(name):
        raise _bad(number, f"{line[:60]!r} is no field: two or more printable ASCII characters, then a colon")
    return name, value.strip(_ALL_BLANKS)


def check_control(control: ControlParagraph) -> None:
    """Check that a paragraph describes a binary package that clients read; raise `InvalidDeb` that names the field."""
    for fault in field_faults(control.by_name):
        raise InvalidDeb(str(fault), remedy=REMEDY)


def stanza_faults(text: str, said: Mapping[str, str]) -> Iterator[str]:
    """Return why an index may not carry a stanza: what `parse_control` and `check_control` refuse, in sentences.

    `said` are its values by the names of their fields in lower case, as `parsed_stanza` returns them of the text.
    """
    if len(text) > LONGEST_PARAGRAPH or len(said) > MOST_FIELDS:
        yield f"It has {len(text)} characters and {len(said)} fields; {LONGEST_PARAGRAPH} and {MOST_FIELDS} are read."
        return
    if odd := [characters for characters in _ODD if characters in text]:
        yield f"It holds {odd[0]!r}, where a text or a field ends for some readers."
    if _BLANK_LINE.search(text) or text[:1] in _STARTS_NO_FIELD:
        yield "One of its lines is blank, or it begins with one that goes on from nothing."
    lines = text.rstrip("\n")
    if lines.count("\n") + 1 - lines.count("\n ") - lines.count("\n\t") != len(said):
        yield "One of its fields is given twice, or one of its lines is no field."
    if names := [name for name in said if not _is_field_name(name)]:
        yield f"The name of its field {names[0][:60]!r} is none that all readers take."
    yield from (str(fault) for fault in field_faults(said) if fault.field.lower() not in OF_THE_INDEX)


@lru_cache(maxsize=1024)  # stanzas have the same few
def _is_field_name(name: str) -> bool:
    return bool(_FIELD_NAME.match(name))


def _bad(line: int, what: str) -> InvalidDeb:
    return InvalidDeb(f"Line {line} of the control file is wrong: {what}.", remedy=REMEDY)
