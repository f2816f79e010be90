"""A publication, from the table to the switch of InRelease; its order keeps every reader's view whole.

See docs/ARCHITECTURE.md, Publishing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from packages_app.core.at_once import both_at_once
from packages_app.core.candidate_finding import findings_digest
from packages_app.core.caution import Allowed, Cleared, caution_findings, cautions_of
from packages_app.core.errors import CandidateHeld, CandidateRefused, HeldByClock, ObjectNotFound, RepomgrError
from packages_app.core.last_given import LastGiven
from packages_app.core.ports import ObjectStore, PackageTable, PendingChange, Progress, Signers
from packages_app.core.record import PackageRecord, TableKey, named_key
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.release import redated
from packages_app.publishing.apt_check import SecondReader
from packages_app.publishing.baseline import find_baseline, keep_baseline
from packages_app.publishing.candidate import Candidate, make_candidate
from packages_app.publishing.canonical import look_at_canonical
from packages_app.publishing.change_draft import change_draft
from packages_app.publishing.checks import candidate_checked, identity_findings, missing_findings, vanished_findings
from packages_app.publishing.dates import check_against_store, seconds_to_wait
from packages_app.publishing.draft import Draft
from packages_app.publishing.generations import keep_generation, release_digest
from packages_app.publishing.installability import InstallCheck, broken_by, install_findings
from packages_app.publishing.kept_contents import keep_contents, keep_same_contents
from packages_app.publishing.lost_publication import lost_findings
from packages_app.publishing.outcome import Outcome
from packages_app.publishing.place import Place, look_at_place, read_place, with_what_staging_knows
from packages_app.publishing.placed_cache import PlacedCache
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.published import Published, PublishedPackages, published_packages
from packages_app.publishing.root import root_keys
from packages_app.publishing.shard_cache import ShardCache
from packages_app.publishing.shard_list import read_shard_list
from packages_app.publishing.signed_by import followed_findings, own_findings
from packages_app.publishing.switch import Switch
from packages_app.publishing.unreadable import collect_readable, readable
from packages_app.publishing.whole_draft import Before, collect_known, nothing_is_garbage, noticed, whole_draft
from packages_app.stores.pool_files import missing_of, missing_or_other

_NOTED = 100
"""So many things of a kind are named one by one."""


@dataclass(frozen=True)
class Publisher:
    """The ports that a publication goes through. `keep_lease` is called between steps; it raises when it is lost.

    `second_reader` reads a candidate before the switch, as apt does. Of cautions those hold a candidate back that the
    definitions do not have `allowed`, and that no person has `cleared`. `installable` looks for packages that can't be
    installed any more.
    """

    repository: Repository
    table: PackageTable
    bucket: ObjectStore
    staging: ObjectStore
    signer: Signers
    clock: Callable[[], datetime]
    keep_lease: Callable[[], None]
    progress: Progress
    cache: ShardCache
    second_reader: SecondReader | None = None
    allowed: Allowed = lambda _package: ()
    cleared: Cleared = ()
    installable: InstallCheck | None = None

    def publish(self, suite: Suite, options: PublicationOptions) -> Outcome:
        """Publish a suite.

        Raise `CandidateRefused`, `CandidateHeld` when a person must decide, `ClockWrong`, `LeaseLost`, and
        `ObjectChanged` when another publisher was first.
        """
        # What another publisher does from here on makes our switch fail. The records are read after all of this: what
        # a writer does from here on leaves a pending change that stays.
        at_once = self.bucket.at_once
        marks = partial(
            both_at_once, partial(self._pending, suite, options), partial(self.table.last_given, suite.name), at_once
        )
        (seen, (changes, given)), published = both_at_once(
            partial(both_at_once, partial(look_at_canonical, self.bucket, suite), marks, at_once),
            partial(read_place, self.bucket, self.repository, suite.name, self.signer),
            at_once,
        )
        place = self._place(suite, published, given, options)
        published = place.published
        with nothing_is_garbage(), self.bucket.draft_folder() as folder:
            draft = self._draft(folder, suite, place, changes, options)
            self.keep_lease()
            candidate = make_candidate(self.repository, suite, folder, draft, self.signer, place.date)
            if not options.new_key:
                locked = followed_findings(candidate, place.published.seen, place.given, self.signer.fingerprints)
                place = replace(place, findings=(*place.findings, *locked))
            switch = Switch(self.bucket, self.signer, suite, published, seen, self.keep_lease, self.progress)
            if not self._worth_publishing(candidate, place, options):
                return self._unchanged(candidate, place, switch)
            return self._publish(candidate, place, switch, options)

    def _place(self, suite: Suite, published: Published, given: LastGiven | None, options: PublicationOptions) -> Place:
        published = with_what_staging_knows(published, self.staging, suite.name, given)
        time.sleep(seconds_to_wait(published, self.clock(), given))
        place = look_at_place(
            suite.name, published, given, self.signer, self.clock(),
            rebuild=options.rebuild, new_key=options.new_key,
            known_keys=partial(root_keys, self.bucket, self.repository),
        )  # fmt: skip
        default = self.repository.default_suite.name
        lost = lost_findings(self.table, self.bucket, suite.name, default, published, place.date)
        return replace(place, findings=(*place.findings, *lost))

    def _pending(self, suite: Suite, options: PublicationOptions) -> Sequence[PendingChange]:
        return () if options.resign else self.table.pending_changes_of(suite.name)

    def _draft(
        self,
        folder: Path,
        suite: Suite,
        place: Place,
        changes: Sequence[PendingChange],
        options: PublicationOptions,
    ) -> Draft:
        baseline = None
        if not options.of_all and not place.was_put_back:
            baseline = find_baseline(self.table, self.staging, suite, place.published, changes)
        if baseline is not None:
            self.progress.step("render changes", f"{len(changes)} pending changes")
            try:
                of_changes = self.second_reader is not None and self.second_reader.of_changes
                tell = readable if of_changes else None
                draft = change_draft(folder, suite, baseline, self.bucket, self.cache, tell)
                return self._noted(replace(draft, cautioned=tuple(filter(cautions_of, baseline.records.values()))))
            except (ObjectNotFound, CandidateRefused) as error:
                self.progress.note(f"everything is rendered anew: {error.message}", level="warning")
        if options.resign:
            changes = self.table.pending_changes_of(suite.name)
        self.progress.step("collect records")
        cautioned: list[PackageRecord] = []
        documents = noticed(self.table.documents_of(suite.name), cautioned)
        collected = collect_known(suite, documents, PlacedCache(self.cache.cache))
        self.keep_lease()
        if self.second_reader is not None:
            collected = collect_readable(suite, collected)
            self.keep_lease()
        self.progress.step("render indexes", f"{len(collected.placed)} packages")
        before = self._before(suite, place)
        draft = whole_draft(folder, suite, collected, changes, before, self.cache, rebuild=options.rebuild)
        return self._noted(replace(draft, cautioned=tuple(cautioned)))

    def _before(self, suite: Suite, place: Place) -> Before:
        published = place.published
        if published.seen is None:
            return Before(partial(PublishedPackages, complete=_is_first(place)), proven=False)
        packages = partial(published_packages, self.bucket, suite.name, published.seen)
        shards = read_shard_list(self.staging, suite.name, release_digest(published.seen_text))
        diffs = shards.diffs if shards is not None else {}
        withdrawn = partial(self._withdrawn, suite)
        return Before(packages, withdrawn, published.seen.entries, diffs, proven=published.release is not None)

    def _withdrawn(self, suite: Suite, keys: Collection[TableKey]) -> list[TableKey]:
        """Return which of these keys have a record that says itself that it is not in the suite."""
        records = self.table.get_many(keys)
        return [key for key, record in records.items() if suite.name not in record.suites]

    def _noted(self, draft: Draft) -> Draft:
        self._note_each([f"left out {item}" for item in draft.left_out], level="warning")
        return draft

    def _publish(self, candidate: Candidate, place: Place, switch: Switch, options: PublicationOptions) -> Outcome:
        draft, suite, published = candidate.draft, candidate.suite, place.published
        self.progress.step("check candidate")
        try:
            with candidate_checked(candidate, self.signer.public_keyring(), self.cache):
                found = broken_by(
                    self.installable, self.bucket, candidate, published.release, self.progress,
                    is_first=_is_first(place),
                )  # fmt: skip
                missing = self._check_against(candidate, place, options, found.broken)
            if self.second_reader is not None and (draft.whole or self.second_reader.of_changes):
                switch.complete(candidate)
                self.second_reader.read(candidate)
        except CandidateRefused as error:
            if not options.resign or published.release is None or place.findings:
                raise
            return self._renew_dates(candidate, place, switch, error)
        keep: list[Callable[[], object]] = [
            partial(self._keep_generation, suite, candidate.release, place),
            partial(self._keep_baseline, candidate, published, candidate.release),
            partial(keep_contents, self.staging, candidate, published, place.date),
        ]
        uploaded = switch.upload(candidate, keep, again=options.rebuild)
        keep_last_given = partial(self._keep_last_given, suite, place)
        switch.commit(
            candidate.release, candidate.release_gpg, candidate.in_release, keep_last_given, again=options.rebuild
        )
        self._remove_pending(draft, suite)
        return Outcome(
            suite.name,
            switched=True,
            release_text=candidate.release,
            contents=draft.contents,
            read=draft.read,
            left_out=draft.shards.left_out,
            included=draft.included,
            added=draft.added,
            removed=draft.removed,
            missing_files=missing,
            uploaded_bytes=uploaded,
            packages=draft.packages,
            renewed=options.resign and not draft.whole,
            replaced=published.text,
            uninstallable=tuple(f"{name}: {why}" for name, why in found.broken.items()),
            mended=found.mended,
        )

    def _unchanged(self, candidate: Candidate, place: Place, switch: Switch) -> Outcome:
        """Leave what is in place; an interrupted publication may have left canonical names of its own.

        Raise `ObjectChanged` where it is not in place any more: the records that were read may be shown by nothing, and
        the canonical names that were seen may be another publisher's.
        """
        published = place.published
        switch.confirm()
        self._learn_last_given(candidate.suite, place)
        self.progress.note("nothing changed: the published indexes are those of the table")
        switch.mend(candidate)
        draft, suite = candidate.draft, candidate.suite.name
        if draft.whole:
            self._keep_baseline(candidate, published, published.text)
        self._remove_pending(draft, candidate.suite)
        return Outcome(
            suite, switched=False, release_text=published.text, contents=draft.contents, read=draft.read,
            left_out=draft.shards.left_out, packages=draft.packages,
        )  # fmt: skip

    def _renew_dates(self, refused: Candidate, place: Place, switch: Switch, error: CandidateRefused) -> Outcome:
        """Sign what clients have once more, newly dated; its indexes stay."""
        suite, draft = refused.suite, refused.draft
        self.progress.note(f"only the dates are renewed: {error.message}", level="warning")
        release = redated(place.published.text, place.date, suite.valid_for)
        both_at_once(
            partial(self._keep_generation, suite, release, place),
            partial(keep_same_contents, self.staging, suite.name, release, place.date, place.published),
            self.staging.at_once,
        )
        keep_last_given = partial(self._keep_last_given, suite, place)
        switch.commit(release, self.signer.sign_detached(release), self.signer.sign_clear(release), keep_last_given)
        packages = draft.packages - len(draft.added) + len(draft.removed)
        return Outcome(
            suite.name, switched=True, release_text=release, contents=draft.contents, read=draft.read,
            left_out=draft.shards.left_out, packages=packages, renewed=True, held=error,
            replaced=place.published.text,
        )  # fmt: skip

    def _keep_generation(self, suite: Suite, release: bytes, place: Place) -> None:
        """Keep the Release for the sweep, which takes no index that a kept one names; compare clocks by the way."""
        kept = keep_generation(self.staging, suite.name, release, place.date, place.published)
        check_against_store(place.date, kept.modified)

    def _keep_last_given(self, suite: Suite, place: Place) -> None:
        given = LastGiven(place.date, " ".join(self.signer.fingerprints))
        self.table.keep_last_given(suite.name, given, before=place.given)

    def _learn_last_given(self, suite: Suite, place: Place) -> None:
        """Keep what is in place and ours where the table does not know it: an earlier release published it."""
        release = place.published.release
        if release is not None and (place.given is None or place.given.date < release.date):
            given = LastGiven(release.date, " ".join(self.signer.fingerprints))
            self.table.keep_last_given(suite.name, given, before=place.given)

    def _keep_baseline(self, candidate: Candidate, published: Published, release: bytes) -> None:
        """Keep a Release, the candidate's or the same in place, for the next publication to build upon."""
        suite, draft = candidate.suite.name, candidate.draft
        keep_baseline(self.table, self.staging, suite, published, release, draft.shards, built_upon=not draft.whole)

    def _remove_pending(self, draft: Draft, suite: Suite) -> None:
        """Remove the pending changes that are shown now; where that fails, the next publication looks at them again."""
        if not draft.changes:
            return
        try:
            self.table.remove_pending_changes(suite.name, draft.changes)
        except RepomgrError as error:
            self.progress.note(f"pending changes stay: {error.message}", level="warning")

    def _worth_publishing(self, candidate: Candidate, place: Place, options: PublicationOptions) -> bool:
        published = place.published
        if options.rebuild or options.resign or place.findings or place.was_put_back:
            return True
        if published.release is None or published.etag is None or published.unrecognised is not None:
            return True
        release = candidate.listing
        dates = ("Date", "Valid-Until")
        old = {name: value for name, value in published.release.fields.items() if name not in dates}
        new = {name: value for name, value in release.fields.items() if name not in dates}
        return (old, published.release.entries) != (new, release.entries)

    def _check_against(
        self, candidate: Candidate, place: Place, options: PublicationOptions, broken: Mapping[str, str]
    ) -> tuple[str, ...]:
        """Compare with what clients have; return the pool files that are known to be missing. Raise `CandidateHeld`."""
        suite, draft, findings = candidate.suite.name, candidate.draft, [*place.findings]
        if place.published.seen is not None and not options.new_identity:
            findings += identity_findings(suite, place.published.seen, candidate.listing)
        findings += own_findings(candidate, self.signer.fingerprints)
        new = [record for record in draft.cautioned if record.key in draft.perhaps_new]
        findings += caution_findings(suite, new, self.allowed, self.cleared)
        vanished = [key for key in draft.vanished if key not in options.may_vanish]
        findings += [*vanished_findings(suite, vanished), *install_findings(self.installable, suite, broken)]
        if options.rebuild:
            missing = missing_or_other(self.bucket, draft.new_files)
            self._note_each([f"not in the pool: {path}" for path in missing], level="error")
            held_for = missing if options.hold_missing else ()
        else:
            missing = draft.missing if draft.missing is not None else missing_of(self.bucket, draft.new_files)
            held_for = missing
        findings += missing_findings(suite, held_for)
        if findings and findings_digest(findings) != options.approved:
            added, removed = (tuple(map(named_key, keys)) for keys in (draft.added, draft.removed))
            held = HeldByClock if place.clock_is_wrong else CandidateHeld
            raise held(suite, tuple(findings), added=added, removed=removed, packages=draft.packages)
        return missing

    def _note_each(self, sentences: list[str], *, level: str) -> None:
        """Say sentences, of very many the first ones: the record of the publication names all that they are about."""
        for sentence in sentences[:_NOTED]:
            self.progress.note(sentence, level=level)
        if more := sentences[_NOTED:]:
            self.progress.note(f"and {len(more)} more like this; the publication's page names each", level=level)


def _is_first(place: Place) -> bool:
    """Return whether clients were never given anything of the suite."""
    return place.published.nothing_is_there and place.given is None
