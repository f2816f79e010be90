"""What each field of a binary package may say, so that dpkg unpacks the package and apt reads the index with it.

Only fields that one of them takes apart are looked at (dpkg's lib/dpkg/fields.c and parse.c; apt's
`debListParser` and `debRecordParser`); all others are free text. No value is taken that only one of them takes.
Blanks are space and tab, digits are 0 to 9: Python's `strip` and `isdigit` know more of both than the readers do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from packages_app.core.definition import PACKAGE_NAME
from packages_app.core.layout import ALL
from packages_app.core.version import is_strict_version
from packages_app.debian.limits import (
    LONGEST_ARCHITECTURE,
    LONGEST_ARCHIVE_NAME,
    LONGEST_PRIORITY,
    LONGEST_SECTION,
    LONGEST_SOURCE,
    MOST_ARCHITECTURES,
    MOST_RELATIONS,
)
from packages_app.debian.relations import RELATION_FIELDS, architectures_named, count_relations, relations_fault

REQUIRED = ("Package", "Version", "Architecture")
"""What neither reader does without. Maintainer and Description are asked for by the index, which can fill them in."""
OF_THE_INDEX = frozenset(
    (
        "filename",
        "size",
        "md5sum",
        "sha1",
        "sha256",
        "sha512",
        "status",
        "description-md5",
        "checksum-filesize",  # apt takes it for the size
        "msdos-filename",
        "config-version",
        "conffiles",
        "repomgr-build",
    )
)
"""The index says these of a file, or nobody does; a control paragraph that claims them is not believed."""
_ARCHITECTURE = re.compile(r"[a-z0-9][a-z0-9-]*\Z")
_LINE = re.compile(r"[^\x00-\x1f\x7f]*\Z")
_ASCII_LINE = re.compile(r"[ -~]*\Z")
# dpkg keeps any text, apt reads the digits at its beginning: `706.0` is 706, `unknown` is 0.
_INSTALLED_SIZE = re.compile(r"\+?[0-9]{1,13}([^0-9\x00-\x1f\x7f][ -~]{0,40})?\Z|[!-*,./:-~][ -~]{0,40}\Z")
_PERCENTAGE = re.compile(r"0{0,9}(100|[0-9]{1,2})\Z")
_CONFFILE = re.compile(r" /[^ \n/.][^\n]* (?!obsolete|remove)[0-9A-Za-z]+\Z")
_WORD = re.compile(r"[^ \t\n]+\Z")
_PRIORITIES = ("required", "important", "standard", "optional", "extra", "unknown")

_LACKS = "is not there"
_OF_DPKG = "is a field of dpkg's own records, and dpkg unpacks no package that has it"
_OF_OLD = "is an obsolete field, which dpkg reads and apt does not"
_REFUSED = {
    **dict.fromkeys(("status", "config-version", "triggers-pending", "triggers-awaited"), _OF_DPKG),
    **dict.fromkeys(
        ("revision", "package-revision", "package_revision"),
        "is an obsolete field, by which dpkg would install another version than the index offers",
    ),
    **dict.fromkeys(("recommended", "optional", "class"), _OF_OLD),
}


@dataclass(frozen=True)
class FieldFault:
    """A field that a client's dpkg or apt would not read: its name, its value, and what is wrong."""

    field: str
    value: str
    what: str

    def __str__(self) -> str:
        if self.what == _LACKS:
            return f"The control file lacks {self.field}."
        return f"The control field {self.field} is wrong: {self.value[:80]!r} {self.what}."


def field_faults(said: Mapping[str, str]) -> Iterator[FieldFault]:
    """Return what is wrong with the fields of a paragraph, each fault with its field, the most telling first.

    `said` has the values by the names of their fields in lower case. The fields that an index says of a file (Filename,
    Size, hashes) are looked at as dpkg does that finds them in a package.
    """
    for name in REQUIRED:
        if not said.get(name.lower()):
            yield FieldFault(name, "", _LACKS)
            return
    yield from _names(said)
    for lower, what in _REFUSED.items():
        if lower in said:
            yield FieldFault(lower.title(), said[lower], what)
    for lower, (name, check) in _CHECKS.items():
        value = said.get(lower)
        if (value or (value == "" and name in _OF_ARCHIVES)) and (wrong := check(value)):
            yield FieldFault(name, value, wrong)
    if said.get("multi-arch") == "same" and said["architecture"] == ALL:
        yield FieldFault("Multi-Arch", "same", "does not go with Architecture: all (Debian Policy 5.6.36)")
    yield from _relation_faults(said)


def _relation_faults(said: Mapping[str, str]) -> Iterator[FieldFault]:
    count = 0
    architectures: set[str] = set()
    for lower, name in _RELATIONS.items():
        value = said.get(lower)
        if not value:
            continue
        count += count_relations(value)
        if count > MOST_RELATIONS:
            yield FieldFault(name, value, f"brings the package's relations above {MOST_RELATIONS}")
            return
        architectures |= architectures_named(value)
        if len(architectures) > MOST_ARCHITECTURES:
            what = f"brings the architectures that the package's relations name above {MOST_ARCHITECTURES}, over which "
            yield FieldFault(name, value, f"{what}apt takes minutes")
            return
        what = relations_fault(name, value)
        if what:
            yield FieldFault(name, value, f"is no list of relations: {what}")


def _names(said: Mapping[str, str]) -> Iterator[FieldFault]:
    """Look at the three fields that key a package, and at the names of files that readers make of them."""
    name, version, architecture = (said[field.lower()] for field in REQUIRED)
    if not PACKAGE_NAME.match(name):
        yield FieldFault("Package", name, "is no package name (Debian Policy 5.6.1)")
        return
    if not is_strict_version(version):
        yield FieldFault("Version", version, "is no Debian version that dpkg unpacks (deb-version(7))")
        return
    if not _ARCHITECTURE.match(architecture) or architecture in ("any", "source"):
        yield FieldFault("Architecture", architecture, "is not the architecture of a binary package")
        return
    if len(architecture) > LONGEST_ARCHITECTURE:
        yield FieldFault("Architecture", architecture, f"has over {LONGEST_ARCHITECTURE} characters")
    archive = f"{name}_{version.replace(':', '%3a')}_{architecture}.deb"
    if len(archive) > LONGEST_ARCHIVE_NAME:
        what = f"gives a file name of {len(archive)} characters with its version and architecture"
        yield FieldFault("Package", name, f"{what}; {LONGEST_ARCHIVE_NAME} fit")


def _of_one_line(pattern: re.Pattern[str], longest: int) -> Callable[[str], str]:
    def check(value: str) -> str:
        if "\n" in value:
            return "has more than one line"
        if len(value) > longest:
            return f"has {len(value)} characters; {longest} fit into the readers' records"
        return "" if pattern.match(value) else "holds characters that no reader expects there"

    return check


def _fitting(pattern: re.Pattern[str], what: str) -> Callable[[str], str]:
    return lambda value: "" if pattern.match(value) else what


def _flag(value: str) -> str:
    return "" if value.lower() in ("yes", "no") and value.isascii() else "is neither yes nor no"


def _multi_arch(value: str) -> str:
    return "" if value in ("same", "foreign", "allowed", "no") else "is none of same, foreign, allowed, no"


def _priority(value: str) -> str:
    # dpkg compares with the beginning of the text, and then wants nothing behind the word.
    lower = value.lower()
    if lower not in _PRIORITIES and lower.startswith(_PRIORITIES):
        return f"has more behind one of the words {', '.join(_PRIORITIES)}"
    return _of_one_line(_LINE, LONGEST_PRIORITY)(value)


def _conffiles(value: str) -> str:
    first, *lines = value.split("\n")
    sound = not first and all(_CONFFILE.match(line) for line in lines)
    return "" if sound else "is no list of a path and a hash in each line, beginning on the second"


_OF_ARCHIVES = ("Filename", "Size", "MD5sum", "MSDOS-Filename")
"""What dpkg takes apart even where it is empty."""
_RELATIONS = {name.lower(): name for name in RELATION_FIELDS}
_CHECKED: Mapping[str, Callable[[str], str]] = {
    "Section": _of_one_line(_LINE, LONGEST_SECTION),
    "Priority": _priority,
    "Source": _of_one_line(_ASCII_LINE, LONGEST_SOURCE),
    "Installed-Size": _fitting(_INSTALLED_SIZE, "is no number of KiB"),
    "Essential": _flag,
    "Protected": _flag,
    "Important": _flag,
    "Multi-Arch": _multi_arch,
    "Phased-Update-Percentage": _fitting(_PERCENTAGE, "is no number from 0 to 100"),
    "Conffiles": _conffiles,
    **dict.fromkeys(
        _OF_ARCHIVES,
        _fitting(_WORD, "is not one word, and then dpkg refuses it although the index says it anew"),
    ),
}
_CHECKS = {name.lower(): (name, check) for name, check in _CHECKED.items()}
