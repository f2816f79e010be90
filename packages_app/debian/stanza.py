"""Stanzas: a record as an entry of a Packages file, and such files read back (DebianRepository/Format)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from packages_app.core.record import PackageRecord
from packages_app.debian.control import ControlParagraph

# The index says these of a file; a control paragraph that claims them is not believed.
_OF_THE_INDEX = frozenset(
    (
        "filename",
        "size",
        "md5sum",
        "sha1",
        "sha256",
        "sha512",
        "status",
        "description-md5",
        "config-version",
        "conffiles",
    )
)
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
_FIELD_START = re.compile(r"^([^\s:]+):[ \t]*(.*)$")


def control_of_stanza(text: str) -> str:
    """Give a stanza's control paragraph: its lines less the fields that belong to the index, no newline at its end."""
    return "\n".join(_lines_of_control(text))


def _lines_of_control(text: str) -> Iterator[str]:
    keep = True
    for line in text.split("\n"):
        if line[:1] in (" ", "\t"):
            if keep:
                yield line
        elif line:
            name, _, value = line.partition(":")
            keep = name.lower() not in _OF_THE_INDEX and bool(value.strip() or name == "Description")
            if keep:
                yield line


def stanza_of(record: PackageRecord) -> str:
    """Give a record's stanza, ending in one newline, without the blank line that follows it.

    The control paragraph's fields in their order, what it lacks from the record's flat fields, then Filename, Size and
    hashes. It does not depend on the package's type. The record must be complete.
    """
    lines = list(_lines_of_control(record.control))
    have = {line.partition(":")[0].lower() for line in lines if line[:1] not in (" ", "\t")}
    for field, attribute in _FLAT:
        value = getattr(record, attribute)
        if value and field.lower() not in have:
            lines.append(f"{field}: {_folded(value)}")
    of_the_file = (
        ("Filename", record.pool_path),
        ("Size", record.file_size),
        ("MD5sum", record.md5_hash),
        ("SHA1", record.sha1_hash),
        ("SHA256", record.sha256_hash),
    )
    lines += (f"{field}: {value}" for field, value in of_the_file if value != "")
    return "\n".join(lines) + "\n"


def _folded(value: str) -> str:
    """Give a value as a field carries it: further lines indented, blank ones as ` .` (Debian Policy 5.6.13)."""
    if "\n" not in value:
        return value
    first, *rest = value.split("\n")
    return "\n".join([first, *(f" {line.strip() or '.'}" if line[:1] not in (" ", "\t") else line for line in rest)])


def parse_stanzas(text: bytes) -> Iterator[ControlParagraph]:
    """Give the stanzas of a Packages file, in its order; lines that are no field are passed over."""
    for block in text.decode("utf-8", "replace").split("\n\n"):
        fields: list[tuple[str, list[str]]] = []
        for line in block.split("\n"):
            if line[:1] in (" ", "\t"):
                if fields:
                    fields[-1][1].append(line)
            elif start := _FIELD_START.match(line):
                fields.append((start[1], [start[2].rstrip()]))
        if fields:
            yield ControlParagraph(tuple((name, "\n".join(lines)) for name, lines in fields))


def record_fields_of(control: Mapping[str, str]) -> dict[str, str]:
    """Give the record's flat fields that a control paragraph tells; "" where it does not."""
    return {attribute: control.get(field, "") for field, attribute in _FLAT}
