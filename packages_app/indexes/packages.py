"""Records to Packages indexes: which record belongs in which index, and the index's text (R9)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packages_app.core.checksums import Checksums, checksums_of_bytes
from packages_app.core.layout import ALL, binary_folder
from packages_app.core.record import PackageRecord, index_order
from packages_app.core.repository import Suite
from packages_app.debian.stanza import stanza_of
from packages_app.indexes.compression import FORMS


@dataclass(frozen=True)
class LeftOut:
    """A record that no index can carry, and why: required fields it lacks, or a place the suite does not have."""

    package_id: str
    architecture: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.package_id} {self.architecture}: {', '.join(self.reasons)}"


@dataclass(frozen=True)
class IndexFile:
    """One index: its name relative to the suite (`main/binary-amd64/Packages.xz`), bytes and checksums."""

    name: str
    body: bytes
    checksums: Checksums


def split_complete(suite: Suite, records: Iterable[PackageRecord]) -> tuple[list[PackageRecord], list[LeftOut]]:
    """Split a suite's records into those its indexes carry and those left out, each in index order."""
    complete: list[PackageRecord] = []
    left_out: list[LeftOut] = []
    for record in records:
        reasons = _reasons_to_leave_out(suite, record)
        if reasons:
            left_out.append(LeftOut(record.package_id, record.architecture, reasons))
        else:
            complete.append(record)
    complete.sort(key=index_order)
    left_out.sort(key=lambda item: (item.package_id, item.architecture))
    return complete, left_out


def _reasons_to_leave_out(suite: Suite, record: PackageRecord) -> tuple[str, ...]:
    reasons = [f"no {name}" for name in record.missing_fields()]
    if record.component not in suite.components:
        reasons.append(f"component {record.component} is not in suite {suite.name}")
    if record.architecture and record.architecture != ALL and record.architecture not in suite.architectures:
        reasons.append(f"architecture {record.architecture} is not in suite {suite.name}")
    return tuple(reasons)


def packages_text(records: Iterable[PackageRecord]) -> Iterator[bytes]:
    """Give a Packages file's bytes, a stanza and its blank line at a time, in the order of the records."""
    for record in records:
        yield stanza_of(record).encode() + b"\n"


def index_names(suite: Suite) -> list[str]:
    """Give the name of every index of a suite, in the order of `build_indexes`."""
    return [
        f"{binary_folder(component, architecture)}/Packages{ending}"
        for component in sorted(suite.components)
        for architecture in sorted(suite.architectures)
        for ending in FORMS
    ]


def build_indexes(suite: Suite, records: list[PackageRecord]) -> Iterator[IndexFile]:
    """Give every index of a suite from its complete records in index order, sorted by folder, then form.

    A package of architecture `all` is in the index of every architecture. An index with no package is there, empty.
    """
    for component in sorted(suite.components):
        for architecture in sorted(suite.architectures):
            wanted = (ALL, architecture)
            text = b"".join(packages_text(r for r in records if r.component == component and r.architecture in wanted))
            for ending, form in FORMS.items():
                body = form(text)
                name = f"{binary_folder(component, architecture)}/Packages{ending}"
                yield IndexFile(name, body, checksums_of_bytes(body))
