"""Records to Packages indexes: which record belongs in which index, and what the indexes are named.

See docs/REQUIREMENTS.md R9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from sys import intern

import msgspec

from packages_app.core.layout import ALL, binary_folder
from packages_app.core.record import PackageRecord, named_key
from packages_app.core.repository import Suite
from packages_app.core.rollout import percentage_in
from packages_app.core.version import is_version
from packages_app.indexes.compression import ENDINGS, GZIP, UNCOMPRESSED
from packages_app.indexes.entry import IndexEntry, SortKey, entry_of


@dataclass(frozen=True, order=True)
class LeftOut:
    """A record that no index can carry, and why: required fields it lacks, or a place the suite does not have.

    `architecture` is the second part of its key, with the build of one that has one.
    """

    package_id: str
    architecture: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{named_key((self.package_id, self.architecture))}: {', '.join(self.reasons)}"


class Placed(msgspec.Struct, frozen=True, gc=False):
    """A complete record's entry, the component that it belongs to, and its file: the key, and the size in bytes."""

    component: str
    entry: IndexEntry
    pool_path: str
    file_size: int


def place(suite: Suite, record: PackageRecord) -> Placed | LeftOut:
    """Return a record's entry in the suite's indexes, or why no index can carry it."""
    reasons = _reasons_to_leave_out(suite, record)
    entry = None if reasons else entry_of(record, percentage_in(record, suite.name))
    if entry is None:
        others = ("its control paragraph is not this package's",)
        return LeftOut(*record.key, reasons or others)
    return Placed(intern(record.component), entry, record.pool_path, record.file_size or 0)


InOrder = tuple[SortKey, Placed]
"""A placed record, and where it stands in its index."""


def split_complete(suite: Suite, records: Iterable[PackageRecord]) -> tuple[list[Placed], list[LeftOut]]:
    """Split a suite's records into those its indexes carry, in index order, and those left out, by their keys."""
    found = (place(suite, record) for record in records)
    return sorted_out(one if isinstance(one, LeftOut) else (one.entry.order, one) for one in found)


def sorted_out(found: Iterable[InOrder | LeftOut]) -> tuple[list[Placed], list[LeftOut]]:
    """Return placed records in index order, and those left out, by their keys."""
    complete: list[InOrder] = []
    left_out: list[LeftOut] = []
    for one in found:
        if isinstance(one, LeftOut):
            left_out.append(one)
        else:
            complete.append(one)
    complete.sort(key=itemgetter(0))
    left_out.sort()
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


def patch_folder(index: str) -> str:
    """Return the folder of an index's patches, relative to the suite, for the index's own folder."""
    return f"{index}/Packages.diff"


@dataclass(frozen=True)
class IndexPlan:
    """The indexes of a suite: where they are, in which forms, and whose entries each carries.

    `folders` holds that of each index, sorted, relative to the suite (`main/binary-amd64`). `endings` are those of the
    names of the forms that Release lists, the uncompressed one first. `names` are all that Release lists, by folder,
    then form; `stored` are those of them that clients can fetch, since the uncompressed one is listed even where it is
    not there. `diff_names` are the names of every Index of patches that Release may list.
    """

    suite: Suite
    folders: tuple[str, ...]
    endings: tuple[str, ...]
    names: tuple[str, ...]
    stored: tuple[str, ...]
    diff_names: tuple[str, ...]
    carriers: Mapping[tuple[str, str], tuple[str, ...]]
    """The folders of the indexes that carry an entry, by its component and architecture."""

    def is_stored(self, ending: str) -> bool:
        """Return whether clients can fetch this form; a suite may only list the uncompressed one."""
        return ending != UNCOMPRESSED or "plain" in self.suite.index_forms

    def folders_of(self, placed: Placed) -> tuple[str, ...]:
        """Return the indexes that carry an entry: its architecture's; that of every one for architecture `all`."""
        return self.carriers[placed.component, placed.entry.architecture]


@lru_cache(maxsize=1024)
def plan_of(suite: Suite) -> IndexPlan:
    """Return the plan of a suite's indexes, which depends on the suite alone."""
    folders = tuple(
        binary_folder(component, architecture)
        for component in sorted(suite.components)
        for architecture in sorted(suite.architectures)
    )
    endings = tuple(ending for form, ending in ENDINGS.items() if form in suite.index_forms or ending == UNCOMPRESSED)
    fetched = [ending for ending in endings if ending != UNCOMPRESSED or "plain" in suite.index_forms]
    diffs = (f"{patch_folder(folder)}/Index{ending}" for folder in folders for ending in (UNCOMPRESSED, GZIP))
    carriers = {
        (component, architecture): tuple(binary_folder(component, each) for each in carrying)
        for component in suite.components
        for architecture, carrying in (*((one, (one,)) for one in suite.architectures), (ALL, suite.architectures))
    }
    return IndexPlan(
        suite=suite,
        folders=folders,
        endings=endings,
        names=tuple(f"{folder}/Packages{ending}" for folder in folders for ending in endings),
        stored=tuple(f"{folder}/Packages{ending}" for folder in folders for ending in fetched),
        diff_names=tuple(diffs) if suite.may_have_patches else (),
        carriers=carriers,
    )
