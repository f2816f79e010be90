"""Control paragraphs: taken apart as Debian Policy 5.1 says, and checked for what clients rely on (Policy 5.3, 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar, overload

from packages_app.core.definition import PACKAGE_NAME
from packages_app.core.errors import InvalidDeb, InvalidVersion
from packages_app.core.layout import deb_filename
from packages_app.core.version import parse_version

Other = TypeVar("Other")

_FIELD_NAME = re.compile(r"[!\"$-,.-9;-~][!-9;-~]*\Z")  # printable ASCII but ":", not beginning with "#" or "-"
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_CONTROL_CHARACTER = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\x85\u2028\u2029]")
_REQUIRED = ("Package", "Version", "Architecture", "Maintainer", "Description")
_RELATIONS = (
    "Pre-Depends", "Depends", "Recommends", "Suggests", "Enhances", "Breaks", "Conflicts", "Provides", "Replaces",
)  # fmt: skip
_RELATION = re.compile(
    r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9][a-z0-9-]*)?"  # name:architecture
    r"(\s*\(\s*(<<|<=|=|>=|>>|<|>)\s*[0-9A-Za-z][A-Za-z0-9.+~:-]*\s*\))?"  # (operator version)
    r"(\s*\[[^\]]*\])?\Z"
)
# A whole field of such relations, with nothing odd in it: found in one go, and without ever going back.
_PLAIN = (
    r"\s*+[a-z0-9][a-z0-9+.-]++(?::[a-z0-9][a-z0-9-]*+)?+"
    r"(?:\s*+\(\s*+(?:<<|<=|=|>=|>>|<|>)\s*+[0-9A-Za-z][A-Za-z0-9.+~:-]*+\s*+\))?+\s*+"
)
_PLAIN_RELATIONS = re.compile(rf"{_PLAIN}(?:[,|]{_PLAIN})*+\Z")
_MOST_FIELDS = 500
_LONGEST_FILE_NAME = 255  # NAME_MAX of Linux file systems
REMEDY = "Correct debian/control and build the package again."


@dataclass(frozen=True)
class ControlParagraph(Mapping[str, str]):
    """Fields in their order, looked up without regard to case.

    A value is as it stood behind the colon, without the space around it; lines that continue it keep their leading
    space, joined by newlines.
    """

    fields: tuple[tuple[str, str], ...]

    @cached_property
    def _by_name(self) -> dict[str, str]:
        # Of a name that is there twice, as only a foreign stanza can have it, the first counts.
        return {field.lower(): value for field, value in reversed(self.fields)}

    def __getitem__(self, name: str) -> str:
        try:
            return self._by_name[name.lower()]
        except KeyError:
            raise KeyError(name) from None

    @overload
    def get(self, name: str, /) -> str | None: ...

    @overload
    def get(self, name: str, /, default: str | Other) -> str | Other: ...

    def get(self, name: str, /, default: Any = None) -> Any:
        """Return a field's value, or the default; what Mapping does, in a third of the time."""
        return self._by_name.get(name.lower(), default)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self.fields)

    def __len__(self) -> int:
        return len(self.fields)


def parse_control(text: str) -> ControlParagraph:
    """Take the one paragraph of a binary package's control file apart.

    Raise `InvalidDeb` that names the line: bad syntax, a field given twice, a second paragraph, a control character,
    more than 500 fields.
    """
    fields: list[tuple[str, list[str]]] = []
    seen: set[str] = set()
    ended = False
    found = _CONTROL_CHARACTER.search(text)
    if found:
        raise _bad(text[: found.start()].count("\n") + 1, f"it holds the control character {found.group()!r}")
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            ended = ended or bool(fields)
        elif ended:
            raise _bad(number, "there is a second paragraph")
        elif line[0] in " \t":
            if not fields:
                raise _bad(number, "it begins with a continuation")
            fields[-1][1].append(line.rstrip())
        else:
            name, value = _field(number, line)
            if name.lower() in seen:
                raise _bad(number, f"the field {name} is given twice")
            if len(fields) == _MOST_FIELDS:
                raise _bad(number, f"there are more than {_MOST_FIELDS} fields")
            seen.add(name.lower())
            fields.append((name, [value]))
    return ControlParagraph(tuple((name, "\n".join(lines)) for name, lines in fields))


def _field(number: int, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not _FIELD_NAME.match(name):
        raise _bad(number, f"{line[:60]!r} is no field")
    return name, value.strip()


def check_control(control: ControlParagraph) -> None:
    """Check that a paragraph describes a binary package; raise `InvalidDeb` that names the field."""
    missing = [name for name in _REQUIRED if not control.get(name, "").strip()]
    if missing:
        raise InvalidDeb(f"The control file lacks {', '.join(missing)}.", remedy=REMEDY)
    if not PACKAGE_NAME.match(control["Package"]):
        raise _wrong("Package", control["Package"], "is no package name (Debian Policy 5.6.1)")
    try:
        parse_version(control["Version"])
    except InvalidVersion as error:
        raise _wrong("Version", control["Version"], "is no Debian version") from error
    if not _ARCHITECTURE.match(control["Architecture"]) or control["Architecture"] in ("any", "source"):
        raise _wrong("Architecture", control["Architecture"], "is not the architecture of a binary package")
    file_name = deb_filename(control["Package"], control["Version"], control["Architecture"])
    if len(file_name) > _LONGEST_FILE_NAME:
        raise InvalidDeb(
            f"The package's file name would have {len(file_name)} bytes; {_LONGEST_FILE_NAME} fit: {file_name[:60]}….",
            remedy="Give it a shorter version or name.",
        )
    size = control.get("Installed-Size", "0")
    if not size.isascii() or not size.isdigit():
        raise _wrong("Installed-Size", size, "is no number of KiB")
    for name in _RELATIONS:
        _check_relations(name, control.get(name, ""))
    for name in ("Maintainer", "Section", "Priority", "Homepage"):
        if "\n" in control.get(name, ""):
            raise _wrong(name, control[name], "has more than one line")


def _check_relations(name: str, value: str) -> None:
    if not value or _PLAIN_RELATIONS.match(value):
        return
    groups = [group for group in value.replace("\n", " ").split(",") if group.strip()]
    for relation in (part.strip() for group in groups for part in group.split("|")):
        if not _RELATION.match(relation):
            raise _wrong(name, relation, "is no relation to a package (Debian Policy 7.1)")


def _wrong(name: str, value: str, what: str) -> InvalidDeb:
    return InvalidDeb(f"The control field {name} is wrong: {value[:80]!r} {what}.", remedy=REMEDY)


def _bad(line: int, what: str) -> InvalidDeb:
    return InvalidDeb(f"Line {line} of the control file is wrong: {what}.", remedy=REMEDY)
