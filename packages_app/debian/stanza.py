"""Stanzas: a record as an entry of a Packages file, and such files read back (DebianRepository/Format)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from packages_app.core.record import PackageRecord
from packages_app.core.rollout import ALL_CLIENTS, FIELD
from packages_app.debian.control import ControlParagraph, stanza_faults
from packages_app.debian.fields import OF_THE_INDEX

# Flat fields of a record that stand in for what its control paragraph lacks, in the order of dpkg-scanpackages.
_FLAT = (
    ("Package", "package_name"),
    ("Version", "version"),
    ("Architecture", "architecture"),
    ("Maintainer", "maintainer"),
    ("Depends", "depends"),
    ("Section", "section"),
    ("Priority", "priority"),
    ("Homepage", "homepage"),
    ("Description", "description"),
)
BUILD_FIELD = "Repomgr-Build"
"""How a stanza says which build it is, where its record is one of several: readers pass over a field of ours."""
_FLAT_IN_LOWER_CASE = tuple((field.lower(), attribute) for field, attribute in _FLAT)
_TOLD = re.compile(r"\n([^ \t\n:][^:\n]*):[ \t]*[^ \t\n]")
"""Behind the end of a line, the name of a field whose first line says something."""
_BETWEEN_FIELDS = re.compile(r"\n(?![ \t])")
"""The end of a line that the next one does not continue."""
_FIELD_START = re.compile(r"([^\s:]+):(.*)\Z")
_NAME = re.compile(r"[^\s:]+\Z")


def split_fields(text: str) -> list[str]:
    """Return the fields of a paragraph as they are written, each with the lines that continue it, in their order.

    Each is without the newline at its end. A line that is no field's, and continues none, stands by itself.
    """
    return _BETWEEN_FIELDS.split(text)


def parsed_stanza(text: str) -> tuple[dict[str, str], str]:
    """Return what a stanza says, and its control paragraph: its lines less the fields of the index.

    What it says are the values as `ControlParagraph` has them, by the names of their fields in lower case; of a name
    that is there twice the first counts. The paragraph has no newline at its end. A stanza without any field has an
    empty one. Of a text of more stanzas the first one's fields are returned; lines that are no field are passed over.
    """
    text = text.rstrip("\n")
    said: dict[str, str] = {}
    kept = []
    for field in split_fields(text):
        name, colon, value = field.partition(":")
        lower, of_the_index = _named(name)
        if not colon or not lower:  # some line is no field's
            return _fields_among_others(text), "\n".join(_lines_of_control(text))
        first, newline, more = value.partition("\n")
        first = first.strip(" \t")
        said.setdefault(lower, first + newline + more)
        if not of_the_index and (first or more.strip(" \t\n")):
            kept.append(field)
    return said, "\n".join(kept)


@lru_cache(maxsize=1024)  # stanzas have the same few
def _named(name: str) -> tuple[str, bool]:
    """Return the name of a field in lower case, "" for what can't be one, and whether the field is the index's."""
    lower = "" if not _NAME.match(name) else name.lower() if name.isascii() else name
    return lower, lower in OF_THE_INDEX


def _fields_among_others(text: str) -> dict[str, str]:
    fields = next(parse_stanzas(text.encode()), ControlParagraph(())).fields
    return {name.lower(): value for name, value in reversed(fields)}


def _is_of_control(name: str, value: str) -> bool:
    """Return whether a field that says something in one of its lines is the control paragraph's."""
    return name.lower() not in OF_THE_INDEX and bool(value.strip(" \t\n"))


def _lines_of_control(text: str) -> Iterator[str]:
    """Return the lines of a text's fields, less those of the index and those that say nothing in any of their lines."""
    for field in split_fields(text):
        name, _, value = field.partition(":")
        if _is_of_control(name, value):
            yield from field.split("\n")


def stanza_of(record: PackageRecord, percentage: int | None = None) -> str:
    """Return a record's stanza, ending in one newline, without the blank line that follows it.

    The control paragraph's fields in their order, what it lacks from the record's flat fields, then Filename, Size and
    hashes. A `percentage` of clients, 0 to 100, takes the place of one that the control paragraph says, and is written
    last; that of all, 100, as no field. A build stands behind the hashes. It does not depend on the package's type. The
    record must be complete.
    """
    control, names = _control_part(record.control if percentage is None else _without_percentage(record.control))
    lines = [control] if control else []
    for field, attribute in _lacking(names):
        value = getattr(record, attribute)
        if value:
            lines.append(f"{field}: {_folded(value)}")
    lines.append(f"Filename: {record.pool_path}\nSize: {record.file_size}")
    if record.md5_hash:
        lines.append(f"MD5sum: {record.md5_hash}")
    if record.sha1_hash:
        lines.append(f"SHA1: {record.sha1_hash}")
    lines.append(f"SHA256: {record.sha256_hash}")
    if record.build:
        lines.append(f"{BUILD_FIELD}: {record.build}")
    if percentage is not None and percentage < ALL_CLIENTS:
        lines.append(f"{FIELD}: {percentage}")
    lines.append("")
    return "\n".join(lines)


def record_faults(record: PackageRecord) -> Iterator[str]:
    """Return why an index may not carry a complete record: what clients would not read of its stanza, in sentences."""
    stanza = stanza_of(record)
    yield from stanza_faults(stanza, parsed_stanza(stanza)[0])


def claims_in(control: str) -> list[str]:
    """Return the names of a control paragraph's fields that no index takes over, since it says them of the file."""
    names = (field.partition(":")[0] for field in split_fields(control))
    return [name for name in names if name.lower() in OF_THE_INDEX]


def _control_part(control: str) -> tuple[str, tuple[str, ...]]:
    """Return what an index takes over of a control paragraph, and the names of its fields."""
    control = control.strip("\n")
    names = tuple(_TOLD.findall(f"\n{control}"))
    fields = control.count("\n") + 1 - control.count("\n ") - control.count("\n\t")
    if len(names) == fields and not _has_any_of_the_index(names):
        return control, names
    lines = list(_lines_of_control(control))
    return "\n".join(lines), tuple(line.partition(":")[0] for line in lines if line[:1] not in (" ", "\t"))


def _without_percentage(control: str) -> str:
    return "\n".join(field for field in split_fields(control) if field.partition(":")[0].lower() != FIELD.lower())


@lru_cache(maxsize=1024)  # of a repository's packages many have the same fields
def _has_any_of_the_index(names: tuple[str, ...]) -> bool:
    return any(name.lower() in OF_THE_INDEX for name in names)


@lru_cache(maxsize=1024)
def _lacking(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return those of the flat fields that are not among the names."""
    have = {name.lower() for name in names}
    return tuple((field, attribute) for field, attribute in _FLAT if field.lower() not in have)


def _folded(value: str) -> str:
    """Return a value as a field carries it: further lines indented, blank ones as ` .` (Debian Policy 5.6.13)."""
    if "\n" not in value:
        return value
    first, *rest = value.split("\n")
    return "\n".join(
        [first, *(" " + (line.strip(" \t") or ".") if line[:1] not in (" ", "\t") else line for line in rest)]
    )


def parse_stanzas(text: bytes) -> Iterator[ControlParagraph]:
    """Return the stanzas of a Packages file, in its order; lines that are no field are passed over."""
    for block in text.decode("utf-8", "replace").split("\n\n"):
        fields: list[tuple[str, list[str]]] = []
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                if fields:
                    fields[-1][1].append(line)
            elif start := _FIELD_START.match(line):
                fields.append((start[1], [start[2].strip(" \t")]))
        if fields:
            yield ControlParagraph(tuple((name, "\n".join(lines)) for name, lines in fields))


def record_fields_of(control: Mapping[str, str]) -> dict[str, str]:
    """Return the record's flat fields that a control paragraph, or `parsed_stanza`, tells; "" where it does not."""
    return {attribute: control.get(name, "") for name, attribute in _FLAT_IN_LOWER_CASE}
