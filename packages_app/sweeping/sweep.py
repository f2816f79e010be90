"""What a sweep may take: by-hash objects that no client can still ask for, pool files that nothing names, leftovers.

Snapshots that are there are no business of the sweep's, and what they name stays.

Planning reads and changes nothing; `removal` does what a plan says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.layout import by_hash_path, is_patch, suite_path
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.core.record import PackageRecord
from packages_app.core.snapshot import snapshots_folder, time_of
from packages_app.indexes.entry import entries_in
from packages_app.indexes.release import Release
from packages_app.publishing.diffs import patch_names
from packages_app.publishing.generations import Generation, generations, read_generation, release_digest
from packages_app.publishing.kept_contents import kept_contents, unneeded
from packages_app.publishing.published import Published, read_index, read_published
from packages_app.publishing.shard_list import read_shard_list, shard_list_key, shard_lists_of
from packages_app.publishing.snapshot_packages import entries_of_snapshots
from packages_app.publishing.snapshots import in_order_of_removal, is_there, objects_of_snapshots
from packages_app.sweeping.let_go import keeps_file
from packages_app.sweeping.retention import Keeping, Retention, retention

SWEPT = "swept/"
"""Where staging keeps pool files that were taken: below their date and whole key."""

_BY_HASH = re.compile(r"dists/[^/]+/.+/by-hash/SHA256/[0-9a-f]{64}\Z")
_SUITE_RELEASE = re.compile(r"dists/([^/]+)/(?:In)?Release\Z")
_LEFTOVER = re.compile(r"(?:quarantine/|.+/[0-9a-f]{32}/)[^/]+\Z")
_SWEPT_KEY = re.compile(rf"{SWEPT}\d{{8}}/(pool/.+)\Z")


@dataclass(frozen=True)
class Leftover:
    """An object that may go; `size` in bytes."""

    key: str
    size: int


@dataclass(frozen=True)
class SuitePlan:
    """What may go of a suite as long as its InRelease has this `etag`; `kept_back` says why nothing may, or is "".

    `by_hash` are objects of the bucket, `releases` the kept generations in staging that are no longer needed,
    `snapshots` what is left below the suite's snapshots and belongs to none, in the order in which it goes.
    """

    suite: str
    etag: str = ""
    snapshots: tuple[Leftover, ...] = ()
    by_hash: tuple[Leftover, ...] = ()
    releases: tuple[Leftover, ...] = ()
    kept_back: str = ""


@dataclass(frozen=True)
class PoolPlan:
    """Pool files that no record and no Release names; `kept_back` says why none may go, or is ""."""

    orphans: tuple[Leftover, ...] = ()
    kept_back: str = ""


@dataclass(frozen=True)
class History:
    """Which publications people can look at: those with one of the `needed` digests, and those dated from `since` on.

    A digest is the beginning of a Release's SHA256, as generations are named.
    """

    needed: Collection[str]
    since: datetime


def is_by_hash(key: str) -> bool:
    """Return whether this is the key of an index by hash, as our publications write it."""
    return _BY_HASH.match(key) is not None


def swept_copies(staging: ObjectStore) -> dict[str, Leftover]:
    """Return the newest copy in staging of each pool file that was taken, by its key in the pool."""
    copies = ((_SWEPT_KEY.match(key), Leftover(key, size)) for key, size in staging.keys(SWEPT))
    return {match[1]: found for match, found in copies if match is not None}


@dataclass(frozen=True)
class Sweep:
    """What a sweep goes by. `keep_lease` is called now and then; it raises when the sweep's lease is lost.

    An object that was written within `keeping.age` before `now` is never taken.
    """

    table: PackageTable
    bucket: ObjectStore
    staging: ObjectStore
    keyring: bytes
    keeping: Keeping
    now: datetime
    keep_lease: Callable[[], None]

    def plan_suite(self, suite: str) -> SuitePlan:
        """Plan a suite's by-hash objects and generations."""
        published = read_published(self.bucket, suite, self.keyring)
        if published.etag is None:
            return SuitePlan(suite, kept_back="it has no InRelease yet")
        if published.release is None:
            return SuitePlan(suite, kept_back="its InRelease bears no good signature of the repository's key")
        kept = self._retention(suite, published)
        if not kept.complete:
            return SuitePlan(suite, kept_back="clients may still hold a Release from before its generations were kept")
        named = self._by_hash_of(suite, published.release)
        below = [Leftover(*each) for each in self.bucket.keys(suite_path(suite))]
        of_snapshots = suite_path(snapshots_folder(suite))  # what these name is theirs for as long as they are there
        listed = [
            found
            for found in below
            if not found.key.startswith(of_snapshots) and (is_by_hash(found.key) or is_patch(found.key))
        ]
        named |= self._patches_of(suite, kept) if any(is_patch(found.key) for found in listed) else set()
        listed = [found for found in listed if found.key not in named]
        try:
            for generation in kept.retained if listed else ():
                named |= self._by_hash_of(suite, self._read(generation))
        except (CandidateRefused, ObjectNotFound) as error:
            return SuitePlan(suite, kept_back=f"a kept generation can't be read: {error.message}")
        by_hash = self.old(self.bucket, (found for found in listed if found.key not in named))
        releases = self.old(
            self.staging, (*(Leftover(one.key, one.size) for one in kept.dropped), *self._lists_of_nobody(suite, kept))
        )
        dates = {one.date for one in kept.retained}
        snapshots = self.left_of_snapshots(suite, dates) if any(of_snapshots in found.key for found in below) else ()
        return SuitePlan(suite, published.etag, tuple(snapshots), tuple(by_hash), tuple(releases))

    def plan_pool(self, gone: Container[str] = ()) -> PoolPlan:
        """Plan the pool, as if the suites `gone` stood there no more.

        It is listed before the records are read, so one written meanwhile protects its file.
        """
        listed = [Leftover(*each) for each in self.bucket.keys("pool/")]
        there = {found.key for found in listed}
        recorded = {record.pool_path for record in self.kept_records(there)}
        orphans = list(self.old(self.bucket, (found for found in listed if found.key not in recorded)))
        if not orphans:
            return PoolPlan()
        try:
            named = self._named_by_releases(gone)
        except (CandidateRefused, ObjectNotFound) as error:
            return PoolPlan(kept_back=error.message)
        return PoolPlan(tuple(found for found in orphans if found.key not in named))

    def plan_staging(self, prefixes: Iterable[str], needed: Collection[str]) -> tuple[Leftover, ...]:
        """Plan leftovers below some prefixes of staging, and copies of taken pool files, but for those still needed."""
        listed = [Leftover(*each) for prefix in sorted(set(prefixes)) for each in self.staging.keys(prefix)]
        unneeded = (found for found in listed if _LEFTOVER.match(found.key) and found.key not in needed)
        return (*self.old(self.staging, unneeded), *self.old(self.staging, self._swept_for_good()))

    def plan_contents(self, suite: str, history: History) -> tuple[Leftover, ...]:
        """Plan what was kept of what publications held, but for what those of the history stand on.

        And those of a kept generation, and the one in place.
        """
        published = read_published(self.bucket, suite, self.keyring)
        if published.release is None and not published.nothing_is_there:
            return ()
        kept_releases = (one.sha256 for one in generations(self.staging, suite))
        stay = {*history.needed, *kept_releases, release_digest(published.text)}
        gone = unneeded(kept_contents(self.staging, suite), stay, history.since)
        return tuple(self.old(self.staging, (Leftover(one.key, one.size) for one in gone)))

    def records(self) -> Iterator[PackageRecord]:
        """Return every record, holding on meanwhile."""
        for number, record in enumerate(self.table.all_records()):
            if number % 1000 == 0:
                self.keep_lease()
            yield record

    def kept_records(self, paths: Container[str]) -> Iterator[PackageRecord]:
        """Return the records that keep one of these pool files."""
        before = self.now - self.keeping.age
        return (one for one in self.records() if one.pool_path in paths and keeps_file(self.table, one, before))

    def swept(self) -> dict[str, Leftover]:
        """Return the newest copy in staging of each pool file that was taken, by its key in the pool."""
        return swept_copies(self.staging)

    def _swept_for_good(self) -> Iterator[Leftover]:
        swept = [Leftover(*each) for each in self.staging.keys(SWEPT)]
        newest = {found.key: path for path, found in self.swept().items()} if swept else {}
        named = {record.pool_path for record in self.kept_records({*newest.values()})} if swept else set()
        for found in swept:
            path = newest.get(found.key, "")
            if path not in named or self.bucket.head(path) is not None:
                yield found

    def _patches_of(self, suite: str, kept: Retention) -> set[str]:
        """Return the patches that Indexes of retained Releases list; of one whose list is lost, clients do without."""
        lists = (read_shard_list(self.staging, suite, one.sha256) for one in kept.retained)
        return {
            suite_path(suite, name)
            for one in lists if one is not None
            for index, diffs in one.diffs.items()
            for name in patch_names(index, diffs)
        }  # fmt: skip

    def left_of_snapshots(self, suite: str, retained: Container[datetime]) -> Iterator[Leftover]:
        """Return copies of publications of other dates than those, and what was made of snapshots that are not there.

        Of a snapshot that is there nothing goes, whatever stands in its folder.
        """
        for name, objects in objects_of_snapshots(self.bucket, suite).items():
            date = time_of(name)
            found = [Leftover(key, objects[key]) for key in in_order_of_removal(suite, name, objects)]
            if date is not None:  # its indexes may go next, so it does not stay for some days more
                yield from found if date not in retained else ()
            elif not is_there(objects, suite, name):
                yield from self.old(self.bucket, found)

    def _lists_of_nobody(self, suite: str, kept: Retention) -> Iterator[Leftover]:
        """Return the shard lists of Releases that are not retained."""
        needed = {shard_list_key(suite, one.sha256) for one in kept.retained}
        return (Leftover(*each) for each in self.staging.keys(shard_lists_of(suite)) if each[0] not in needed)

    def _retention(self, suite: str, published: Published) -> Retention:
        return retention(generations(self.staging, suite), published, self.keeping, self.now)

    def _read(self, generation: Generation) -> Release:
        self.keep_lease()
        return read_generation(self.staging, generation)

    def _by_hash_of(self, suite: str, release: Release) -> set[str]:
        return {by_hash_path(suite, name, entry.sha256) for name, entry in release.entries.items()}

    def old(self, store: ObjectStore, found: Iterable[Leftover]) -> Iterator[Leftover]:
        """Return those that were written before the days that are kept."""
        for each in found:
            self.keep_lease()
            info = store.head(each.key)
            if info is not None and info.modified < self.now - self.keeping.age:
                yield each

    def _named_by_releases(self, gone: Container[str]) -> set[str]:
        """Return the pool files of every suite there is but those, also one configured no more, in place or retained.

        Those of snapshots too. Raise `CandidateRefused` for a suite or a snapshot that can't be read and where there is
        no suite, `ObjectNotFound` when an index in place is gone.
        """
        suites = {match[1] for key, _ in self.bucket.keys("dists/") if (match := _SUITE_RELEASE.match(key))}
        if not suites:
            raise CandidateRefused(
                "No suite is in place below dists/, so what clients were told of is not known.",
                remedy="Publish, or put dists/ back from its backup.",
            )
        named = {entry.pool_path for entry in entries_of_snapshots(self.bucket, self.keyring, self.keep_lease)}
        for suite in sorted(one for one in suites if one not in gone):
            published = read_published(self.bucket, suite, self.keyring)
            if published.release is None:
                raise CandidateRefused(
                    f"dists/{suite} has no InRelease with a good signature of the repository's key, so what it names"
                    " is not known.",
                    remedy="Publish that suite, or remove its folder if nobody reads it.",
                )
            indexes = {key: (release, True) for key, release in self._packages_of(published.release)}
            for generation in self._retention(suite, published).retained:
                for key, release in self._packages_of(self._read(generation)):
                    indexes.setdefault(key, (release, False))
            for (name, _), (release, in_place) in indexes.items():
                named |= self._files_of(suite, name, release, must_be_there=in_place)
        return named

    def _packages_of(self, release: Release) -> Iterator[tuple[tuple[str, str], Release]]:
        """Return the name and SHA256 of each Packages index of a Release, with the Release."""
        for name, entry in release.entries.items():
            if name.endswith("/Packages"):
                yield (name, entry.sha256), release

    def _files_of(self, suite: str, name: str, release: Release, *, must_be_there: bool) -> set[str]:
        self.keep_lease()
        try:
            return {entry.pool_path for entry in entries_in(read_index(self.bucket, suite, name, release))}
        except ObjectNotFound:
            if must_be_there:
                raise
            return set()  # of a candidate that never came into place: no client was led further
