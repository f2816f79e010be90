"""The files of versions that come back into a suite: what the sweep has taken is put into the pool again, or named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import FileSwept
from packages_app.services import adapters
from packages_app.services.lifecycle.steps import Step
from packages_app.stores.pool_files import missing_of
from packages_app.sweeping.removal import put_back
from packages_app.sweeping.sweep import swept_copies

_NAMED = 20


def coming_back(steps: Iterable[Step]) -> list[PackageRecord]:
    """Return the records that were in no suite, whose files the sweep may have taken, and come into one."""
    return [step.record for step in steps if step.suites and not step.record.suites and step.record.pool_path]


def check_files(steps: Sequence[Step]) -> None:
    """Raise `FileSwept`, before anything is moved, where a file is neither in the pool nor among what was swept."""
    coming = {record.pool_path: record for record in coming_back(steps)}
    lost = sorted(gone_for_good(coming.values()))
    if lost:
        named = ", ".join(coming[path].named for path in lost[:_NAMED])
        more = f" and {len(lost) - _NAMED} more" if len(lost) > _NAMED else ""
        raise FileSwept(
            f"The files of {named}{more} were taken by the sweep, and their days are over.",
            remedy="Upload the same files again, which puts them back, or restore the others alone.",
        )


def gone_for_good(records: Iterable[PackageRecord]) -> set[str]:
    """Return the paths of files of records that are neither in the pool nor among what was swept."""
    gone = _gone(records)
    return set(gone) - set(swept_copies(adapters.staging())) if gone else set()


def put_back_files(records: Iterable[PackageRecord]) -> None:
    """Put the files of records that came back into the pool again where the sweep has taken them.

    This looks at the pool after the records are in their suites, a sweep at the records after it has taken a file:
    whichever was later sees the other.
    """
    gone = _gone(records)
    copies = swept_copies(adapters.staging()) if gone else {}
    for path, record in gone.items():
        if path in copies:
            put_back(adapters.bucket(), adapters.staging(), record, copies[path])


def _gone(records: Iterable[PackageRecord]) -> dict[str, PackageRecord]:
    by_path = {record.pool_path: record for record in records if record.pool_path}
    return {path: by_path[path] for path in missing_of(adapters.bucket(), by_path)} if by_path else {}
