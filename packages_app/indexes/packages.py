"""Records to Packages indexes: which record belongs in which index, and what the indexes are named.

See docs/REQUIREMENTS.md R9.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

from packages_app.core.layout import ALL, binary_folder
from packages_app.core.record import PackageRecord, named_key
from packages_app.core.repository import Suite
from packages_app.core.version import is_version
from packages_app.indexes.compression import ENDINGS, GZIP, PLAIN
from packages_app.indexes.entry import IndexEntry, Order, entry_of


@dataclass(frozen=True)
class LeftOut:
    """A record that no index can carry, and why: required fields it lacks, or a place the suite does not have."""

    package_id: str
    architecture: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{named_key((self.package_id, self.architecture))}: {', '.join(self.reasons)}"


@dataclass(frozen=True, slots=True)
class Placed:
    """A complete record's entry, the component that it belongs to, and its file: the key, and the size in bytes."""

    component: str
    entry: IndexEntry
    pool_path: str
    file_size: int


def place(suite: Suite, record: PackageRecord) -> Placed | LeftOut:
    """Give a record's entry in the suite's indexes, or why no index can carry it."""
    reasons = _reasons_to_leave_out(suite, record)
    entry = None if reasons else entry_of(record)
    if entry is None:
        others = ("its control paragraph is not this package's",)
        return LeftOut(record.package_id, record.architecture, reasons or others)
    return Placed(record.component, entry, record.pool_path, record.file_size or 0)


def split_complete(suite: Suite, records: Iterable[PackageRecord]) -> tuple[list[Placed], list[LeftOut]]:
    """Split a suite's records into those its indexes carry, in index order, and those left out, by their keys."""
    complete: list[tuple[Order, Placed]] = []
    left_out: list[LeftOut] = []
    for record in records:
        placed = place(suite, record)
        if isinstance(placed, LeftOut):
            left_out.append(placed)
        else:
            complete.append((placed.entry.order, placed))
    complete.sort(key=itemgetter(0))
    left_out.sort(key=lambda item: (item.package_id, item.architecture))
    return [placed for _, placed in complete], left_out


def _reasons_to_leave_out(suite: Suite, record: PackageRecord) -> tuple[str, ...]:
    reasons = [f"no {name}" for name in record.missing_fields()]
    if record.version and not is_version(record.version):
        reasons.append(f"{record.version!r} is no Debian version")
    if record.component not in suite.components:
        reasons.append(f"component {record.component} is not in suite {suite.name}")
    if record.architecture and record.architecture != ALL and record.architecture not in suite.architectures:
        reasons.append(f"architecture {record.architecture} is not in suite {suite.name}")
    return tuple(reasons)


def index_folders(suite: Suite) -> list[str]:
    """Give the folder of each index of a suite, sorted, relative to it (`main/binary-amd64`)."""
    return [
        binary_folder(component, architecture)
        for component in sorted(suite.components)
        for architecture in sorted(suite.architectures)
    ]


def folders_of(suite: Suite, placed: Placed) -> list[str]:
    """Give the indexes that carry an entry: its architecture's; that of every one for architecture `all`."""
    architecture = placed.entry.architecture
    wanted = suite.architectures if architecture == ALL else (architecture,)
    return [binary_folder(placed.component, each) for each in wanted]


def endings_of(suite: Suite) -> tuple[str, ...]:
    """Give the forms that Release lists of each index, by the endings of their names; the plain one is the first."""
    return tuple(ending for form, ending in ENDINGS.items() if form in suite.index_forms or ending == PLAIN)


def is_stored(suite: Suite, ending: str) -> bool:
    """Say whether clients can fetch this form; a suite may list the plain one only."""
    return ending != PLAIN or "plain" in suite.index_forms


def index_names(suite: Suite) -> list[str]:
    """Give the name of every index that Release lists, sorted by folder, then form."""
    return [f"{folder}/Packages{ending}" for folder in index_folders(suite) for ending in endings_of(suite)]


def patch_folder(index: str) -> str:
    """Give the folder of an index's patches, relative to the suite, for the index's own folder."""
    return f"{index}/Packages.diff"


def diff_index_names(suite: Suite) -> list[str]:
    """Give the name of every Index of patches that Release may list."""
    if not suite.may_have_patches:
        return []
    return [f"{patch_folder(index)}/Index{ending}" for index in index_folders(suite) for ending in (PLAIN, GZIP)]


def stored_names(suite: Suite) -> list[str]:
    """Give the name of every index that clients can fetch; Release lists the plain form even where it is not there."""
    endings = [ending for ending in endings_of(suite) if is_stored(suite, ending)]
    return [f"{folder}/Packages{ending}" for folder in index_folders(suite) for ending in endings]
