"""A publication, from the table to the switch of InRelease; its order keeps every reader's view whole (DESIGN 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore, PackageTable, Progress, Signer
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.packages import LeftOut
from packages_app.indexes.release import Release, parse_release
from packages_app.publishing.candidate import Candidate, Collected, collect, make_candidate
from packages_app.publishing.checks import (
    check_candidate,
    check_identity,
    refuse_missing,
    refuse_vanished,
    vanished_packages,
)
from packages_app.publishing.immutable import put_immutable
from packages_app.publishing.published import PackageKey, Published, published_packages, read_published

_HEADS_AT_MOST = 100


@dataclass(frozen=True)
class Demand:
    """What is asked of one publication.

    `rebuild`: upload everything again, and publish even when pool files are missing or records are gone; the table
    decides (R7). `resign`: make a new Release though nothing changed. `new_identity`: let Origin, Label, Suite and
    Codename change.
    """

    rebuild: bool = False
    resign: bool = False
    new_identity: bool = False


NOTHING_SPECIAL = Demand()


@dataclass(frozen=True)
class Outcome:
    """What a publication did. When nothing had changed, `switched` is False and `release_text` is the one in place."""

    suite: str
    switched: bool
    release_text: bytes
    collected: Collected
    added: tuple[PackageKey, ...] = ()
    removed: tuple[PackageKey, ...] = ()
    missing_files: tuple[str, ...] = ()
    uploaded_bytes: int = 0

    @property
    def release(self) -> Release:
        """The Release that clients see now."""
        return parse_release(self.release_text)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """Records of the suite that no index carries."""
        return self.collected.left_out


@dataclass(frozen=True)
class Publisher:
    """The ports that a publication goes through. `hold` is called between steps; it raises when the lease is lost."""

    repository: Repository
    table: PackageTable
    bucket: ObjectStore
    signer: Signer
    clock: Callable[[], datetime]
    hold: Callable[[], None]
    progress: Progress

    def publish(self, suite: Suite, demand: Demand) -> Outcome:
        """Publish a suite; raises `CandidateRefused`, `ObjectChanged` when another publisher was first, `LeaseLost`."""
        keyring = self.signer.public_keyring()
        published = read_published(self.bucket, suite.name, keyring)
        collected = self._collect(suite)
        self.progress.step("render indexes", f"{len(collected.records)} packages")
        candidate = make_candidate(self.repository, suite, collected, self.signer, self._date(published))
        if not self._worth_publishing(candidate, published, demand):
            self.progress.note("nothing changed: the published indexes are those of the table")
            return Outcome(suite.name, switched=False, release_text=published.text, collected=collected)
        self.progress.step("check candidate")
        check_candidate(candidate, keyring)
        before = self._packages_before(suite, published)
        missing = self._check_against(candidate, published, before, demand)
        uploaded = self._upload(candidate, None if demand.rebuild else published.release)
        self._switch(candidate, published)
        now = {record.key for record in collected.records}
        return Outcome(
            suite.name,
            switched=True,
            release_text=candidate.release,
            collected=collected,
            added=tuple(sorted(now - set(before))),
            removed=tuple(sorted(set(before) - now)),
            missing_files=missing,
            uploaded_bytes=uploaded,
        )

    def _collect(self, suite: Suite) -> Collected:
        self.progress.step("collect records")
        collected = collect(suite, self.table.all_records())
        for item in collected.left_out:
            self.progress.note(f"left out {item}", level="warning")
        self.hold()
        return collected

    def _date(self, published: Published) -> datetime:
        # Clients silently ignore a Release older than theirs, so a clock that was set back must not date it earlier.
        now = self.clock().replace(microsecond=0)
        if published.release is None:
            return now
        return max(now, published.release.date + timedelta(seconds=1))

    def _worth_publishing(self, candidate: Candidate, published: Published, demand: Demand) -> bool:
        if demand.rebuild or demand.resign or published.release is None:
            return True
        release = parse_release(candidate.release)
        dates = ("Date", "Valid-Until")
        old = {name: value for name, value in published.release.fields.items() if name not in dates}
        new = {name: value for name, value in release.fields.items() if name not in dates}
        return (old, published.release.entries) != (new, release.entries)

    def _packages_before(self, suite: Suite, published: Published) -> dict[PackageKey, tuple[str, str]]:
        if published.release is None:
            return {}
        return published_packages(self.bucket, suite.name, published.release)

    def _check_against(
        self,
        candidate: Candidate,
        published: Published,
        before: dict[PackageKey, tuple[str, str]],
        demand: Demand,
    ) -> tuple[str, ...]:
        if published.release is not None and not demand.new_identity:
            check_identity(candidate, published.release)
        vanished = vanished_packages(candidate, before)
        if demand.rebuild:
            for package_id, architecture in vanished:
                self.progress.note(f"{package_id} {architecture} has no record any more", level="warning")
            missing = self._missing_of_all(candidate)
            for path in missing:
                self.progress.note(f"not in the pool: {path}", level="error")
            return missing
        refuse_vanished(candidate.suite.name, vanished)
        known = {filename for filename, _ in before.values()}
        new = sorted({r.pool_path for r in candidate.collected.records} - known)
        refuse_missing(candidate.suite.name, self._missing_of(new))
        return ()

    def _missing_of(self, paths: list[str]) -> list[str]:
        """Give those that are not in the pool; of many, by listing it: a thousand keys cost what one head costs."""
        if len(paths) < _HEADS_AT_MOST:
            return [path for path in paths if self.bucket.head(path) is None]
        there = {key for key, _ in self.bucket.keys("pool/")}
        return [path for path in paths if path not in there]

    def _missing_of_all(self, candidate: Candidate) -> tuple[str, ...]:
        sizes = dict(self.bucket.keys("pool/"))
        return tuple(
            sorted({r.pool_path for r in candidate.collected.records if sizes.get(r.pool_path) != r.file_size})
        )

    def _upload(self, candidate: Candidate, in_place: Release | None) -> int:
        """Upload by-hash objects, then canonical names, of the indexes that are not in place; gives their bytes."""
        suite = candidate.suite.name
        known = in_place.entries if in_place else {}
        changed = [
            index
            for index in candidate.indexes
            if index.name not in known or known[index.name].sha256 != index.checksums.sha256
        ]
        self.progress.step("upload by-hash", f"{len(changed)} indexes")
        for done, index in enumerate(changed):
            self.hold()
            put_immutable(
                self.bucket, by_hash_path(suite, index.name, index.checksums.sha256), index.body, index.checksums
            )
            self.progress.advance(done + 1, len(changed))
        self.progress.step("upload indexes")
        self._put_in_order((suite_path(suite, index.name), index.body) for index in changed)
        return sum(index.checksums.size for index in changed)

    def _put_in_order(self, objects: Iterable[tuple[str, bytes]]) -> None:
        for key, body in objects:
            self.hold()
            self.bucket.put(key, body)

    def _switch(self, candidate: Candidate, published: Published) -> None:
        """Release.gpg, Release, and InRelease as the last: the commit point, if nobody was there before us."""
        suite = candidate.suite.name
        self.progress.step("switch InRelease")
        self._put_in_order(
            [
                (suite_path(suite, "Release.gpg"), candidate.release_gpg),
                (suite_path(suite, "Release"), candidate.release),
            ]
        )
        self.hold()
        self.bucket.put(
            suite_path(suite, "InRelease"),
            candidate.in_release,
            if_none_match=published.etag is None,
            if_match=published.etag,
        )
