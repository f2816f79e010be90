"""One entry of a Packages index: a record's stanza, and what of it decides where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packages_app.core.errors import CandidateRefused
from packages_app.core.record import PackageRecord, TableKey, make_package_id
from packages_app.core.version import version_key
from packages_app.debian.stanza import stanza_of

Order = tuple[str, str, str, str]
"""Where an entry stands in its index: name, the version's sort key, architecture, and of equal versions the text."""

_FIELD = re.compile(
    rb"^(package|version|architecture|filename|size|sha256|description):[ \t]*(.*?)[ \t]*$",
    re.MULTILINE | re.IGNORECASE,
)
_END = b"\n\n"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """A stanza of an index, with the blank line that ends it, and its key taken apart."""

    package_name: str
    version: str
    architecture: str
    order: Order
    stanza: bytes

    @property
    def key(self) -> TableKey:
        """The table's key: `name#version`, architecture."""
        return (make_package_id(self.package_name, self.version), self.architecture)

    @property
    def pool_path(self) -> str:
        """The stanza's Filename."""
        return self._field("filename")

    @property
    def file_size(self) -> int:
        """The stanza's Size, in bytes."""
        return int(self._field("size"))

    @property
    def sha256(self) -> str:
        """The stanza's SHA256, lower-case hex."""
        return self._field("sha256")

    @property
    def summary(self) -> str:
        """The first line of the description."""
        return self._field("description")

    def _field(self, name: str) -> str:
        return _fields(self.stanza)[name]


def order_of(name: str, version: str, architecture: str) -> Order:
    """Give where an entry stands; raises `InvalidVersion`."""
    return (name, version_key(version), architecture, version)


def entry_of(record: PackageRecord) -> IndexEntry | None:
    """Give a complete record's entry; None when its stanza would not be read back as this record.

    Raises `InvalidVersion`.
    """
    stanza = stanza_of(record).encode() + b"\n"
    fields = _fields(stanza)
    said = tuple(fields.get(name) for name in ("package", "version", "architecture", "filename", "sha256"))
    wanted = (record.package_name, record.version, record.architecture, record.pool_path, record.sha256_hash)
    if said != wanted or stanza.find(_END) != len(stanza) - len(_END):
        return None
    key = (record.package_name, record.version, record.architecture)
    return IndexEntry(*key, order_of(*key), stanza)


def entries_in(text: bytes) -> Iterator[IndexEntry]:
    """Give the entries of a Packages file or a part of one, in its order; `CandidateRefused` for another text."""
    start = 0
    while start < len(text):
        end = text.find(_END, start) + len(_END)
        stanza = text[start:end] if end >= len(_END) else text[start:]
        fields = _fields(stanza)
        try:
            name, version, architecture = fields["package"], fields["version"], fields["architecture"]
        except KeyError as error:
            raise CandidateRefused(
                f"A stanza of an index has no field {error}.", remedy="Run force_rebuild to make the indexes anew."
            ) from error
        yield IndexEntry(name, version, architecture, order_of(name, version, architecture), stanza)
        start += len(stanza)


def _fields(stanza: bytes) -> dict[str, str]:
    """Give the fields that are looked at, by their lower-case names: case does not count (Debian Policy 5.1)."""
    found = reversed(_FIELD.findall(stanza))
    return {name.decode().lower(): value.decode("utf-8", "replace") for name, value in found}
