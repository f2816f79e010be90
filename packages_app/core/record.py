"""The record: one version of one package for one architecture, or one build of it, as the package table keeps it.

See docs/REQUIREMENTS.md R1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any, Self

from packages_app.core.conflict import FileIdentity, same_file
from packages_app.core.version import version_key

# What a stanza can't do without (DebianRepository/Format, "Packages" indices; Debian Policy 5.3 for the control part).
REQUIRED_FIELDS = (
    "package_name",
    "version",
    "architecture",
    "maintainer",
    "description",
    "pool_path",
    "file_size",
    "md5_hash",
    "sha1_hash",
    "sha256_hash",
)


ADOPTED = "adopted"
"""The type of records taken over from another repository's index."""
_NOT_IN_EVERY_INDEX = ("md5_hash", "sha1_hash")
"""What the indexes of other tools need not list (Debian's own has no SHA1 any more); clients go by SHA256."""

LONGEST_DATE, LONGEST_NOTES = 64, 10_000
"""Characters kept of what upstream says: a row of the mirror holds such a date; GitHub allows notes of 125,000, and a
DynamoDB item has 400 KB in all."""

_required_values = attrgetter(*REQUIRED_FIELDS)

TableKey = tuple[str, str]
"""The table's key: `name#version`, and what it is built for (`built_for`)."""
_BEFORE_BUILD = "#"
"""Stands in no architecture."""


def built_for(architecture: str, build: str) -> str:
    """Return the second part of a key: the architecture, with `#` and the build where a record has one."""
    return f"{architecture}{_BEFORE_BUILD}{build}" if build else architecture


def architecture_and_build(built_for: str) -> tuple[str, str]:
    """Return what `built_for` was made of; "" for no build."""
    architecture, _, build = built_for.partition(_BEFORE_BUILD)
    return (architecture, build)


def package_named(name: str, version: str, built_for: str) -> str:
    """Return what people read for a record: `name version architecture`, and `#build` behind it where it has one."""
    return f"{name} {version} {built_for}"


def named_key(key: TableKey) -> str:
    """Return a key as people read it, as `package_named`."""
    name, _, version = key[0].partition("#")
    return package_named(name, version, key[1])


def key_named(text: str) -> TableKey:
    """Return the key that `named_key` wrote so; raise `ValueError` for another text."""
    name, version, place = text.split(" ")
    return (make_package_id(name, version), place)


def make_package_id(name: str, version: str) -> str:
    """Return the table's partition key, `name#version`."""
    return f"{name}#{version}"


@dataclass(frozen=True)
class PackageRecord:
    """One item of the package table. Text fields are "" and `file_size` is None when not known.

    `control` is the whole control paragraph of the `.deb` as it stood there ("" in records of older tables).
    `pool_path` is the stanza's Filename, the key of the file in the bucket. `file_size` is in bytes, hashes are
    lower-case hex, `processed_timestamp` is ISO 8601 in UTC, `pub_date` is what upstream said. `suites` is sorted.
    `other_fields` is a JSON object of what is known besides, "" when nothing: what a record of an older table said,
    and the cautions of intake (`core.caution`). `build` tells one of several files of a version and architecture from
    the others (`core.builds`), "" where there is one, as nearly always; a document without one does not name it.
    """

    package_name: str
    version: str
    architecture: str
    package_type: str = ""
    component: str = "main"
    suites: tuple[str, ...] = ()
    section: str = ""
    priority: str = ""
    maintainer: str = ""
    homepage: str = ""
    description: str = ""
    depends: str = ""
    deb_url: str = ""
    actual_filename: str = ""
    pool_path: str = ""
    file_size: int | None = None
    md5_hash: str = ""
    sha1_hash: str = ""
    sha256_hash: str = ""
    sha512_hash: str = ""
    certificate_url: str = ""
    signature_url: str = ""
    notes: str = ""
    pub_date: str = ""
    processed_timestamp: str = ""
    control: str = ""
    other_fields: str = ""
    build: str = ""

    def __post_init__(self) -> None:
        if len(self.suites) > 1 or not isinstance(self.suites, tuple):
            object.__setattr__(self, "suites", tuple(sorted(set(self.suites))))

    @property
    def package_id(self) -> str:
        """The partition key, `name#version`."""
        return make_package_id(self.package_name, self.version)

    @property
    def built_for(self) -> str:
        """The second part of its key: `architecture`, or `architecture#build`."""
        return built_for(self.architecture, self.build) if self.build else self.architecture

    @property
    def key(self) -> TableKey:
        """The table's key: `package_id`, `built_for`."""
        return (make_package_id(self.package_name, self.version), self.built_for)

    @property
    def named(self) -> str:
        """The record as people read it: `name version architecture`, and `#build` where it has one."""
        return package_named(self.package_name, self.version, self.built_for)

    @property
    def file_identity(self) -> FileIdentity:
        """What tells the record's file from every other."""
        return FileIdentity(self.sha256_hash, self.file_size)

    @property
    def version_key(self) -> str:
        """The version's sort key; raise `InvalidVersion`."""
        return version_key(self.version)

    def missing_fields(self) -> tuple[str, ...]:
        """Return the names of required fields that are not there, in the order of `REQUIRED_FIELDS`."""
        values = _required_values(self)
        if "" not in values and None not in values:
            return ()
        may_lack = _NOT_IN_EVERY_INDEX if self.package_type == ADOPTED else ()
        told = zip(REQUIRED_FIELDS, values, strict=True)
        return tuple(name for name, value in told if value in ("", None) and name not in may_lack)

    def same_bytes_as(self, other: PackageRecord) -> bool:
        """Return whether both records stand for the same file."""
        return same_file(self.file_identity, other.file_identity)

    def in_suites(self, suites: Iterable[str]) -> Self:
        """Return this record with other suites."""
        return replace(self, suites=tuple(suites))

    def as_dict(self) -> dict[str, Any]:
        """Return every field and `package_id` as plain values (`suites` as a list), without a `build` that is none."""
        values = {"package_id": self.package_id, **vars(self), "suites": list(self.suites)}
        if not self.build:  # which a record that was read has not even as a value
            values.pop("build", None)
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Make a record of what `as_dict` gave; unknown names are ignored, absent or None text becomes ""."""
        texts = {name: str(value) for name, value in values.items() if name in _TEXTS and value is not None}
        size = values.get("file_size")
        return cls(
            **texts,
            suites=tuple(values.get("suites") or ()),
            file_size=None if size is None else int(size),
        )


_TEXTS = frozenset(field.name for field in fields(PackageRecord)) - {"suites", "file_size"}
