"""Steps 1 to 3 of a publication: collect the records, render the indexes, make Release and sign it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from packages_app.core.ports import Signer
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.packages import IndexFile, LeftOut, build_indexes, split_complete
from packages_app.indexes.release import render_release


@dataclass(frozen=True)
class Collected:
    """What the table says of a suite: records to index (in index order), those left out, and those withdrawn.

    `withdrawn` holds the keys of records that the table keeps but that are not in this suite.
    """

    records: tuple[PackageRecord, ...]
    left_out: tuple[LeftOut, ...]
    withdrawn: frozenset[tuple[str, str]]
    read: int


@dataclass(frozen=True)
class Candidate:
    """A publication made in memory and not yet uploaded."""

    suite: Suite
    collected: Collected
    indexes: tuple[IndexFile, ...]
    release: bytes
    release_gpg: bytes
    in_release: bytes


def collect(suite: Suite, all_records: Iterable[PackageRecord]) -> Collected:
    """Sort out every record of the table as one suite sees it."""
    of_suite: list[PackageRecord] = []
    withdrawn: set[tuple[str, str]] = set()
    read = 0
    for record in all_records:
        read += 1
        if suite.name in record.suites:
            of_suite.append(record)
        else:
            withdrawn.add(record.key)
    complete, left_out = split_complete(suite, of_suite)
    return Collected(tuple(complete), tuple(left_out), frozenset(withdrawn), read)


def make_candidate(
    repository: Repository, suite: Suite, collected: Collected, signer: Signer, date: datetime
) -> Candidate:
    """Render and sign; the indexes depend on the records alone, Release on them and the date."""
    indexes = tuple(build_indexes(suite, list(collected.records)))
    release = render_release(repository, suite, indexes, date)
    return Candidate(suite, collected, indexes, release, signer.sign_detached(release), signer.sign_clear(release))
