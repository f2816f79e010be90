"""One entry of a Packages index: a record's stanza, and what of it decides where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from sys import intern

import msgspec

from packages_app.core.errors import CandidateRefused
from packages_app.core.record import PackageRecord, TableKey, architecture_and_build, built_for, make_package_id
from packages_app.core.version import version_key
from packages_app.debian.stanza import BUILD_FIELD, stanza_of

SortKey = tuple[str, str, str, str]
"""Where an entry stands in its index: name, the version's sort key, what it is built for, and of equal versions the
text."""

_NAMES = ("package", "version", "architecture", "filename", "size", "sha256", "description")
# Case does not count (Debian Policy 5.1). One expression a field: each stops where it has found it.
_FIELDS = {name: re.compile(rb"^%s:(.*)$" % name.encode(), re.MULTILINE | re.IGNORECASE) for name in _NAMES}
_USUAL = {
    name: b"\n%s: " % usual.encode()
    for name, usual in zip(
        _NAMES, ("Package", "Version", "Architecture", "Filename", "Size", "SHA256", "Description"), strict=True
    )
}
_END = b"\n\n"
_BUILD = b"\n%s: " % BUILD_FIELD.encode()


class IndexEntry(msgspec.Struct, frozen=True, gc=False):
    """A stanza of an index, with the blank line that ends it, and its key taken apart."""

    package_name: str
    version: str
    built_for: str
    stanza: bytes

    @property
    def order(self) -> SortKey:
        """Where it stands in its index."""
        return order_of(self.package_name, self.version, self.built_for)

    @property
    def key(self) -> TableKey:
        """The table's key: `name#version`, and what it is built for."""
        return (make_package_id(self.package_name, self.version), self.built_for)

    @property
    def architecture(self) -> str:
        """The stanza's Architecture."""
        return architecture_and_build(self.built_for)[0]

    @property
    def pool_path(self) -> str:
        """The stanza's Filename."""
        return self._field("filename")

    @property
    def file_size(self) -> int:
        """The stanza's Size, in bytes."""
        return int(self._field("size") or 0)

    @property
    def sha256(self) -> str:
        """The stanza's SHA256, lower-case hex."""
        return self._field("sha256")

    @property
    def summary(self) -> str:
        """The first line of the description."""
        return self._field("description")

    def _field(self, name: str) -> str:
        return _field(self.stanza, name)


def order_of(name: str, version: str, built_for: str) -> SortKey:
    """Return where an entry stands; raise `InvalidVersion`."""
    return (name, version_key(version), built_for, version)


def entry_of(record: PackageRecord, percentage: int | None = None) -> IndexEntry | None:
    """Return a complete record's entry, with a `percentage` of clients as `stanza_of`.

    None when its stanza would not be read back as this record.
    """
    stanza = stanza_of(record, percentage).encode() + b"\n"
    of_the_file = f"\nFilename: {record.pool_path}\nSize: {record.file_size}\n".encode()
    whole = stanza.find(_END) == len(stanza) - len(_END) and stanza.count(of_the_file) == 1
    key = (record.package_name, record.version, intern(record.built_for))
    return IndexEntry(*key, stanza) if whole and _key_in(stanza) == key else None


def entries_in(text: bytes) -> Iterator[IndexEntry]:
    """Return the entries of a Packages file or a part of one, in its order; `CandidateRefused` for another text."""
    start = 0
    while start < len(text):
        end = _end_of(text, start)
        yield _entry(text[start:end])
        start = end


def entries_of(text: bytes, name: str) -> Iterator[IndexEntry]:
    """Return those of one package; only stanzas are looked at that hold its name. Raise as `entries_in`."""
    at = text.find(name.encode())
    while at >= 0:
        before = text.rfind(_END, 0, at)
        start, end = before + len(_END) if before >= 0 else 0, _end_of(text, at)
        if _field(text[start:end], "package") == name:
            yield _entry(text[start:end])
        at = text.find(name.encode(), end)


def _end_of(text: bytes, at: int) -> int:
    """Return where the stanza ends that stands at a position."""
    end = text.find(_END, at)
    return end + len(_END) if end >= 0 else len(text)


def _entry(stanza: bytes) -> IndexEntry:
    key = _key_in(stanza)
    if not all(key):
        raise CandidateRefused(
            "A stanza of an index has no field Package, Version or Architecture.",
            remedy="Run force_rebuild to make the indexes anew.",
        )
    return IndexEntry(*key, stanza)


def _key_in(stanza: bytes) -> tuple[str, str, str]:
    lines = b"\n" + stanza
    architecture = _field_of(lines, "architecture")
    start = stanza.find(_BUILD)  # written by us alone, and always so; an index without builds has none
    if start >= 0 and architecture:
        build = stanza[start + len(_BUILD) : stanza.index(b"\n", start + 1)].decode("utf-8", "replace")
        architecture = built_for(architecture, build)
    return (_field_of(lines, "package"), _field_of(lines, "version"), architecture)


def _field(stanza: bytes, name: str) -> str:
    """Return a field's first line, "" when it is not there."""
    return _field_of(b"\n" + stanza, name)


def _field_of(lines: bytes, name: str) -> str:
    """Return a field's first line out of a stanza behind the end of a line."""
    usual = _USUAL[name]  # how it is written nearly always: finding bytes is much faster than an expression
    start = lines.find(usual)
    if start >= 0:
        return lines[start + len(usual) : lines.index(b"\n", start + 1)].strip(b" \t").decode("utf-8", "replace")
    found = _FIELDS[name].search(lines)
    return found[1].strip(b" \t").decode("utf-8", "replace") if found else ""
