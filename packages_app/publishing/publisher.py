"""A publication, from the table to the switch of InRelease; its order keeps every reader's view whole (DESIGN 4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from packages_app.core.candidate_fault import CandidateFault, digest_of
from packages_app.core.errors import CandidateHeld, CandidateRefused, ObjectChanged, ObjectExists
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore, PackageTable, Progress, Signer
from packages_app.core.record import named_key
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.packages import LeftOut
from packages_app.indexes.release import Release, parse_release, redated
from packages_app.publishing.candidate import Candidate, Collected, collect, make_candidate
from packages_app.publishing.canonical import Seen, look_at_canonical, put_canonical
from packages_app.publishing.checks import check_candidate, identity_faults, missing_faults, vanished_faults
from packages_app.publishing.dates import check_against_store, date_after
from packages_app.publishing.generations import keep_generation
from packages_app.publishing.immutable import put_immutable
from packages_app.publishing.pool_files import missing_of, missing_or_other
from packages_app.publishing.published import PackageKey, Published, published_packages, read_published
from packages_app.signing.openpgp import verified_text


@dataclass(frozen=True)
class Demand:
    """What is asked of one publication.

    `rebuild`: upload everything again, and publish even when pool files are missing or records are gone; the table
    decides (R7). `resign`: make a new Release though nothing changed, and where the table's state is held back, renew
    the dates of the one in place: clients must not stop because of what waits. `new_identity`: let Origin, Label,
    Suite and Codename change. `approved`: the digest of the faults that a person has seen and accepts.
    """

    rebuild: bool = False
    resign: bool = False
    new_identity: bool = False
    approved: str = ""


NOTHING_SPECIAL = Demand()


@dataclass(frozen=True)
class Outcome:
    """What a publication did. When nothing had changed, `switched` is False and `release_text` is the one in place.

    `packages` is how many clients see now. `held` says why only the dates were renewed.
    """

    suite: str
    switched: bool
    release_text: bytes
    collected: Collected
    added: tuple[PackageKey, ...] = ()
    removed: tuple[PackageKey, ...] = ()
    missing_files: tuple[str, ...] = ()
    uploaded_bytes: int = 0
    packages: int = 0
    held: CandidateRefused | None = None

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
    """The ports that a publication goes through. `hold` is called between steps; it raises when the lease is lost.

    `second_reader` reads the candidate too before the switch, as apt does, and raises `CandidateRefused`.
    """

    repository: Repository
    table: PackageTable
    bucket: ObjectStore
    staging: ObjectStore
    signer: Signer
    clock: Callable[[], datetime]
    hold: Callable[[], None]
    progress: Progress
    second_reader: Callable[[Candidate], None] = lambda _candidate: None

    def publish(self, suite: Suite, demand: Demand) -> Outcome:
        """Publish a suite.

        Raises `CandidateRefused`, `CandidateHeld` when a person must decide, `ClockWrong`, `LeaseLost`, and
        `ObjectChanged` when another publisher was first.
        """
        keyring = self.signer.public_keyring()
        # First what is there, then the records: whatever another publisher writes from here on makes ours fail.
        seen = look_at_canonical(self.bucket, suite)
        published = read_published(self.bucket, suite.name, keyring)
        collected = self._collect(suite)
        self.progress.step("render indexes", f"{len(collected.records)} packages")
        date = date_after(published, self.clock(), rebuild=demand.rebuild)
        candidate = make_candidate(self.repository, suite, collected, self.signer, date)
        if not self._worth_publishing(candidate, published, demand):
            return self._unchanged(candidate, published, seen)
        self.progress.step("check candidate")
        before = self._packages_before(suite, published)
        now = {record.key for record in collected.records}
        added, removed = tuple(sorted(now - set(before))), tuple(sorted(set(before) - now))
        try:
            check_candidate(candidate, keyring)
            missing = self._check_against(candidate, published, before, demand, (added, removed))
            self.second_reader(candidate)
        except CandidateRefused as error:
            if not demand.resign or published.release is None:
                raise
            return self._renew_dates(candidate, published, seen, date, len(before), error)
        self._keep_generation(candidate, date, published)
        uploaded = self._upload(candidate, published, seen, again=demand.rebuild)
        self._switch(candidate, published, seen, again=demand.rebuild)
        return Outcome(
            suite.name,
            switched=True,
            release_text=candidate.release,
            collected=collected,
            added=added,
            removed=removed,
            missing_files=missing,
            uploaded_bytes=uploaded,
            packages=len(now),
        )

    def _unchanged(self, candidate: Candidate, published: Published, seen: Seen) -> Outcome:
        """Leave what is in place; an interrupted publication may have left canonical names of its own."""
        self.progress.note("nothing changed: the published indexes are those of the table")
        self._mend(candidate, published, seen)
        collected = candidate.collected
        packages = len(collected.records)
        return Outcome(
            candidate.suite.name, switched=False, release_text=published.text, collected=collected, packages=packages
        )

    def _renew_dates(
        self,
        refused: Candidate,
        published: Published,
        seen: Seen,
        date: datetime,
        packages: int,
        error: CandidateRefused,
    ) -> Outcome:
        """Sign what clients have once more, newly dated; its indexes stay."""
        suite = refused.suite
        self.progress.note(f"only the dates are renewed: {error.message}", level="warning")
        release = redated(published.text, date, suite.valid_for)
        signatures = self.signer.sign_detached(release), self.signer.sign_clear(release)
        candidate = Candidate(suite, refused.collected, (), release, *signatures)
        self._keep_generation(candidate, date, published)
        self._switch(candidate, published, seen, again=False)
        collected = refused.collected
        return Outcome(
            suite.name, switched=True, release_text=release, collected=collected, packages=packages, held=error
        )

    def _collect(self, suite: Suite) -> Collected:
        self.progress.step("collect records")
        collected = collect(suite, self.table.all_records())
        for item in collected.left_out:
            self.progress.note(f"left out {item}", level="warning")
        self.hold()
        return collected

    def _keep_generation(self, candidate: Candidate, date: datetime, published: Published) -> None:
        """Keep the Release for the sweep, which takes no index that a kept one names; compare clocks by the way."""
        kept = keep_generation(self.staging, candidate.suite.name, candidate.release, date, published)
        check_against_store(date, kept.modified)

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
        change: tuple[tuple[PackageKey, ...], tuple[PackageKey, ...]],
    ) -> tuple[str, ...]:
        """Compare with what clients have; gives the pool files that are known to be missing. Raises `CandidateHeld`."""
        suite = candidate.suite.name
        faults: list[CandidateFault] = []
        if published.release is not None and not demand.new_identity:
            faults += identity_faults(candidate, published.release)
        vanished = vanished_faults(candidate, before)
        if demand.rebuild:
            missing = missing_or_other(self.bucket, candidate.collected.records)
            self._tell_of_rebuild(vanished, missing)
        else:
            known = {filename for filename, _ in before.values()}
            missing = missing_of(self.bucket, {r.pool_path for r in candidate.collected.records} - known)
            faults += [*vanished, *missing_faults(suite, missing)]
        if faults and digest_of(faults) != demand.approved:
            added, removed = (tuple(map(named_key, keys)) for keys in change)
            packages = len(candidate.collected.records)
            raise CandidateHeld(suite, tuple(faults), added=added, removed=removed, packages=packages)
        return missing

    def _tell_of_rebuild(self, vanished: list[CandidateFault], missing: Iterable[str]) -> None:
        for fault in vanished:
            for item in fault.items:
                self.progress.note(f"{item} has no record any more", level="warning")
        for path in missing:
            self.progress.note(f"not in the pool: {path}", level="error")

    def _upload(self, candidate: Candidate, published: Published, seen: Seen, *, again: bool) -> int:
        """Upload by-hash objects, then canonical names, of what is not in place; gives the bytes of the former."""
        suite = candidate.suite.name
        known = published.release.entries if published.release and not again else {}
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
        indexes = ((suite_path(suite, index.name), index.body) for index in candidate.indexes)
        self._put_in_order(indexes, seen, again=again)
        return sum(index.checksums.size for index in changed)

    def _put_in_order(self, objects: Iterable[tuple[str, bytes]], seen: Seen, *, again: bool) -> int:
        """Write objects under their canonical names where they are not in place; gives how many were written."""
        written = 0
        for key, body in objects:
            self.hold()
            written += put_canonical(self.bucket, key, body, seen, again=again)
        return written

    def _switch(self, candidate: Candidate, published: Published, seen: Seen, *, again: bool) -> None:
        """Release.gpg, Release, and InRelease as the last: the commit point, if nobody was there before us."""
        suite = candidate.suite.name
        self.progress.step("switch InRelease")
        release = [
            (suite_path(suite, "Release.gpg"), candidate.release_gpg),
            (suite_path(suite, "Release"), candidate.release),
        ]
        self._put_in_order(release, seen, again=again)
        self.hold()
        try:
            self.bucket.put(
                suite_path(suite, "InRelease"),
                candidate.in_release,
                if_none_match=published.etag is None,
                if_match=published.etag,
            )
        except ObjectExists as error:
            raise ObjectChanged(
                f"Suite {suite} was published by another meanwhile.", remedy="Nothing: its publication counts."
            ) from error

    def _mend(self, candidate: Candidate, published: Published, seen: Seen) -> None:
        """Bring canonical names back to what InRelease says, where an interrupted publication left others."""
        suite = candidate.suite.name
        indexes = ((suite_path(suite, index.name), index.body) for index in candidate.indexes)
        mended = self._put_in_order(indexes, seen, again=False)
        mended += put_canonical(self.bucket, suite_path(suite, "Release"), published.text, seen)
        signature = suite_path(suite, "Release.gpg")
        if seen[signature] is None or not self._signs(self.bucket.read(signature), published.text):
            mended += put_canonical(self.bucket, signature, self.signer.sign_detached(published.text), seen)
        if mended:
            self.progress.note(f"{mended} objects that an interrupted publication left were mended", level="warning")

    def _signs(self, signature: bytes, text: bytes) -> bool:
        return verified_text(text, self.signer.public_keyring(), signature=signature) is not None
