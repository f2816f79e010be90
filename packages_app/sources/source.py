"""What a source type is, and the values it deals in (docs/REQUIREMENTS.md R4)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from packages_app.core.checksums import Checksums
from packages_app.core.conflict import FileIdentity
from packages_app.core.definition import Definition, SourceSettings
from packages_app.core.ports import Progress
from packages_app.core.setting_field import SettingField
from packages_app.core.yaml_reader import YamlReader
from packages_app.sources.download import Fetcher


@dataclass(frozen=True)
class Offer:
    """A package that upstream has. Texts are "" and `size` (bytes) None where it does not say, `version` too.

    One that is `passed_over` is not fetched; it is looked at whether what is there of it is as upstream says.
    """

    version: str
    filename: str
    deb_url: str
    architecture: str = ""
    certificate_url: str = ""
    signature_url: str = ""
    notes: str = ""
    pub_date: str = ""
    sha256: str = ""
    size: int | None = None
    passed_over: bool = False

    @property
    def file_identity(self) -> FileIdentity:
        """What upstream says of the file's bytes."""
        return FileIdentity(self.sha256, self.size)


@dataclass(frozen=True)
class Fetched:
    """A downloaded package: where it lies, its checksums, the fingerprint of the certificate that signed it or ""."""

    path: Path
    checksums: Checksums
    certificate: str = ""


class Source(Protocol):
    """A source type: one class, named by an entry point of the group `repomgr.sources`."""

    takes_uploads: ClassVar[bool]
    """Whether its packages come from people instead of being looked for."""

    fields: ClassVar[tuple[SettingField, ...]]
    """What a form asks for of `source`, as `read_settings` takes it; a type without it is written as YAML there."""

    @staticmethod
    def read_settings(reader: YamlReader) -> SourceSettings:
        """Take this type's fields out of a definition's `source`, with the faults noted on the reader."""
        ...

    def __init__(self, definition: Definition, fetcher: Fetcher) -> None: ...

    def offers(self, progress: Progress) -> list[Offer]:
        """Return every version on offer, oldest first in dpkg's order; raise `UpstreamError`."""
        ...

    def fetch(self, offer: Offer, folder: Path, progress: Progress) -> Fetched:
        """Download and verify an offer into a folder; raise `UpstreamError`, `SignatureRefused`."""
        ...
