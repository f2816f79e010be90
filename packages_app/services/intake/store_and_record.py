"""Files stored in the pool, then recorded, however many: a record means that its file is there.

Whoever dies on the way leaves at most orphan objects behind, and whoever comes again finds what was done.

See docs/ARCHITECTURE.md, Order of an intake.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from packages_app.core.at_once import at_once
from packages_app.core.builds import OtherBuild, check_one_build, taken_by_others
from packages_app.core.conflict import pool_conflict, version_conflict
from packages_app.core.errors import ImmutableObjectConflict, VersionConflict
from packages_app.core.ports import ObjectStore, Progress, Written
from packages_app.core.record import PackageRecord, TableKey, architecture_and_build
from packages_app.core.rollout import rollouts_of, with_rollouts
from packages_app.core.suite_change import (
    SuiteChange,
    VersionPurged,
    VersionWithdrawn,
    What,
    change_of,
    is_purged,
    is_withdrawn,
    taken_in,
    withdrawn_from,
)
from packages_app.services import adapters
from packages_app.stores.immutable import put_immutable, put_many_immutable
from packages_app.stores.pool_files import missing_of

_LARGE_AT_ONCE = 4

log = structlog.get_logger(__name__)


Refusal = VersionConflict | VersionWithdrawn | VersionPurged | OtherBuild
"""Why the table takes no record of a sound file."""


@dataclass(frozen=True)
class CheckedFile:
    """A sound file: its name for people, the record that it is to have, and its bytes or the path where they lie.

    Without a `body` it is only recorded: its bytes are in the pool already, or nobody has them. Its history says `who`
    brought it, and which `way` it came.
    """

    name: str
    record: PackageRecord
    body: bytes | Path | None
    who: str = "intake"
    way: str = ""


@dataclass
class Recorded:
    """What became of a file. `record` is the one that the table has now; None when `error` says why it has none.

    `added` and `suites_added` say what was changed in the table, `in_pool_just_now` that its object was written.
    """

    file: CheckedFile
    record: PackageRecord | None = None
    added: bool = False
    suites_added: bool = False
    error: Refusal | None = None
    in_pool_just_now: bool = False

    def refuse(self, error: Refusal) -> None:
        """Take note of why the file is not taken in."""
        self.record, self.error = None, error


def store_and_record(files: Sequence[CheckedFile], progress: Progress) -> list[Recorded]:
    """Store files in the pool, write their records, and add known ones to their suites; safe to repeat.

    Return what became of each, in their order, as if each had come alone: a file whose version is there with other
    bytes, in the table or in the pool, has a `VersionConflict` as its error, changes nothing and stops no other. So
    does one whose version was purged, or withdrawn from a suite, or whose suite is another build's.
    """
    outcomes = [Recorded(file) for file in files]
    for some in _rounds(outcomes):
        new = _compared(some)
        if new:
            progress.step("store in pool", _one_or_count(new, new[0].file.record.pool_path))
            _store(new)
        progress.step("record", _one_or_count(some, some[0].file.record.named))
        _record([outcome for outcome in new if outcome.error is None])
        _put_again_what_is_gone(some)
        _add_suites(some)
    return outcomes


def _rounds(outcomes: Iterable[Recorded]) -> list[list[Recorded]]:
    """Return files in rounds that have each key and each pool path once: who comes second meets what the first left.

    Two versions that differ in their epoch alone share a path, since file names leave it out. So the builds of a
    version and architecture come one after the other.
    """
    rounds: list[list[Recorded]] = []
    taken: dict[TableKey | str, int] = {}
    for outcome in outcomes:
        record, path = outcome.file.record, outcome.file.record.pool_path
        key = (record.package_id, record.architecture)
        number = max(taken.get(key, 0), taken.get(path, 0))
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(outcome)
        taken[key] = taken[path] = number + 1
    return rounds


def _one_or_count(outcomes: Sequence[Recorded], one: str) -> str:
    return one if len(outcomes) == 1 else f"{len(outcomes)} packages"


def _compared(outcomes: Sequence[Recorded]) -> list[Recorded]:
    """Compare files with the table; return those that are new."""
    recorded, purged = adapters.package_table().look_up([outcome.file.record.key for outcome in outcomes])
    new = []
    for outcome in outcomes:
        offered = outcome.file.record
        outcome.record = known = recorded.get(offered.key)
        if offered.key in purged:
            outcome.refuse(is_purged(offered.key, purged[offered.key]))
        elif known is None:
            if (other := other_build(offered)) is not None:
                outcome.refuse(other)
            else:
                new.append(outcome)
        elif not known.same_bytes_as(offered):
            outcome.refuse(version_conflict(offered.named, known.file_identity, offered.file_identity))
    return new


def other_build(record: PackageRecord) -> OtherBuild | VersionPurged | None:
    """Return why a build can't come in, before its file is stored; None for a record that is none.

    A version of which a build was purged takes no further one. The table decides again when it writes.
    """
    if not record.build:
        return None
    table = adapters.package_table()
    changes = table.suite_changes_of(record.package_name, record.version)
    for change in changes:
        if change.what is What.PURGED and architecture_and_build(change.architecture)[0] == record.architecture:
            return is_purged((record.package_id, change.architecture), change)
    try:
        check_one_build(record, record.suites, taken_by_others(table, record, changes))
    except OtherBuild as error:
        return error
    return None


def _store(outcomes: list[Recorded]) -> None:
    """Put the files that have bytes into the pool, small ones all at once, large ones a few at a time."""
    bucket = adapters.bucket()
    small, large = [], []
    for outcome in outcomes:
        record, body = outcome.file.record, outcome.file.body
        if isinstance(body, bytes):
            small.append((outcome, (record.pool_path, body, record.file_identity)))
        elif body is not None:
            large.append(outcome)
    results = list(zip([o for o, _ in small], put_many_immutable(bucket, [each for _, each in small]), strict=True))
    puts = [partial(_put, bucket, outcome) for outcome in large]
    results += zip(large, at_once(puts, _LARGE_AT_ONCE), strict=True)
    for outcome, result in results:
        if isinstance(result, ImmutableObjectConflict):
            outcome.refuse(pool_conflict(outcome.file.record.named, result))
        else:
            outcome.in_pool_just_now = result


def _put(bucket: ObjectStore, outcome: Recorded) -> bool | ImmutableObjectConflict:
    """Put a file where its record says; return whether it was written, or what stands there instead."""
    record, body = outcome.record or outcome.file.record, outcome.file.body
    assert body is not None  # noqa: S101 - callers choose files that have bytes
    try:
        return put_immutable(bucket, record.pool_path, body, record.file_identity)
    except ImmutableObjectConflict as error:
        return error


def _record(outcomes: list[Recorded]) -> None:
    """Write the records of files that are in the pool."""
    overtaken: list[Recorded] = []
    for outcome, written in zip(outcomes, _written(outcomes), strict=True):
        if isinstance(written, VersionConflict | VersionPurged | OtherBuild):
            outcome.refuse(written)
        elif written is Written.ADDED:
            outcome.record, outcome.added = outcome.file.record, True
        else:  # somebody else wrote it a moment ago, perhaps with other suites
            overtaken.append(outcome)
    if overtaken:
        recorded = adapters.package_table().get_many({outcome.file.record.key for outcome in overtaken})
        for outcome in overtaken:
            outcome.record = recorded.get(outcome.file.record.key, outcome.file.record)


def _written(outcomes: list[Recorded]) -> list[Written | Refusal]:
    table, records = adapters.package_table(), [outcome.file.record for outcome in outcomes]
    if not records:
        return []
    try:
        return list(table.put_many_new(records, [_entry(outcome) for outcome in outcomes]))
    except (VersionConflict, VersionPurged, OtherBuild) as error:  # somebody was faster, or is in its suite
        if len(records) == 1:
            return [error]
    return [_written_alone(outcome) for outcome in outcomes]  # tells which one it is


def _written_alone(outcome: Recorded) -> Written | Refusal:
    try:
        return adapters.package_table().put_new(outcome.file.record, _entry(outcome))
    except (VersionConflict, VersionPurged, OtherBuild) as error:
        return error


def _entry(outcome: Recorded) -> SuiteChange:
    file = outcome.file
    return taken_in(file.record, who=file.who, way=file.way, when=adapters.now())


def _put_again_what_is_gone(outcomes: list[Recorded]) -> None:
    """Put files that were found in the pool there again if they are gone by now.

    What was found there may have been an old orphan that a sweep had listed before this record protected it. A sweep
    looks at the records after it has taken a file, intake at the pool after it has written the record: one sees it.
    """
    found = {
        outcome.record.pool_path: outcome
        for outcome in outcomes
        if outcome.record is not None
        and outcome.record.pool_path
        and outcome.file.body is not None
        and not outcome.in_pool_just_now
    }
    bucket = adapters.bucket()
    for path in missing_of(bucket, found) if found else ():
        outcome = found[path]
        log.warning("pool_file_put_again", key=path)
        result = _put(bucket, outcome)
        if isinstance(result, ImmutableObjectConflict):
            outcome.refuse(pool_conflict(outcome.file.record.named, result))


def _add_suites(outcomes: list[Recorded]) -> None:
    """Add known packages to the suites that they were taken in for, but to those that they were withdrawn from."""
    table = adapters.package_table()
    for outcome in outcomes:
        record = outcome.record
        missing = set(outcome.file.record.suites) - set(record.suites) if record is not None else set()
        if record is None or outcome.added or not missing:
            continue
        withdrawn = withdrawn_from(table.suite_changes_of(record.package_name, record.version), record.built_for)
        if stays_out := sorted(missing & withdrawn.keys()):
            outcome.refuse(is_withdrawn(record, withdrawn[stays_out[0]], stays_out[0]))
            continue
        suites, who, way = {*record.suites, *missing}, outcome.file.who, outcome.file.way
        other_fields = _rolled_out_in(record, missing, outcome.file.record)
        change = change_of(record, suites, What.ADDED, who=who, when=adapters.now(), reason=way)
        try:
            outcome.record = table.set_suites(record, suites, change, other_fields=other_fields)
            outcome.suites_added = True
        except OtherBuild as error:
            outcome.refuse(error)


def _rolled_out_in(record: PackageRecord, suites: Iterable[str], offered: PackageRecord) -> str | None:
    """Return what a record is to keep that comes into suites as it is offered; None where nothing of it changes."""
    begins = rollouts_of(offered)
    rollouts = {suite: one for suite, one in rollouts_of(record).items() if suite not in suites}
    rollouts |= {suite: begins[suite] for suite in suites if suite in begins}
    return with_rollouts(record, rollouts).other_fields if rollouts != rollouts_of(record) else None
