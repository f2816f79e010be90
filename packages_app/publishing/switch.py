"""Steps 5 to 8 of a publication: by-hash objects, canonical names, Release.gpg, Release, and InRelease as the last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from packages_app.core.at_once import at_once
from packages_app.core.batches import batches_of
from packages_app.core.checksums import checksums_of_bytes, checksums_of_file
from packages_app.core.errors import ObjectChanged, ObjectExists
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore, Progress, Signer
from packages_app.core.repository import Suite
from packages_app.publishing.candidate import Candidate
from packages_app.publishing.canonical import Seen, in_place, put_canonical
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.published import Published
from packages_app.publishing.published_index import damaged
from packages_app.signing.openpgp import verified_text
from packages_app.stores.immutable import put_immutable
from packages_app.stores.local_copy import copy_to_file


@dataclass(frozen=True)
class Switch:
    """The way from what is `published` and was `seen` under canonical names to a candidate.

    `keep_lease` is called before each object; it raises when the lease is lost.
    """

    bucket: ObjectStore
    signer: Signer
    suite: Suite
    published: Published
    seen: Seen
    keep_lease: Callable[[], None]
    progress: Progress

    def upload(self, candidate: Candidate, keep: Sequence[Callable[[], object]], *, again: bool) -> int:
        """Upload by-hash objects, then canonical names, of what is not in place; return the bytes of the former.

        `keep` are calls that tell what clients may hold: made beside the former, and done before any of the latter.
        """
        known = self.published.release.entries if self.published.release and not again else {}
        files = candidate.draft.stored
        changed = [file for file in files if file.name not in known or known[file.name].sha256 != file.entry.sha256]
        self.progress.step("upload by-hash", f"{len(changed)} indexes")
        calls: list[Callable[[], object]] = [
            *keep,
            *(partial(self._put_patch, candidate, patch) for patch in candidate.draft.patches),
            *(partial(self._put_by_hash, candidate, file) for file in changed),
        ]
        done = 0
        for some in batches_of(calls, self.bucket.at_once):
            at_once(some, self.bucket.at_once)
            done += len(some)
            self.progress.advance(done, len(calls))
        self.progress.step("upload indexes")
        self._put_canonical(candidate, files, again=again)
        return sum(file.entry.size for file in changed)

    def confirm(self) -> None:
        """Raise `ObjectChanged` where the InRelease that was read is not in place any more."""
        found = self.bucket.head(suite_path(self.suite.name, "InRelease"))
        if found is None or found.etag != self.published.etag:
            raise self._overtaken()

    def commit(
        self,
        release: bytes,
        release_gpg: bytes,
        in_release: bytes,
        keep_last_given: Callable[[], None],
        *,
        again: bool = False,
    ) -> None:
        """Write Release.gpg, Release, and InRelease: the commit point, if nobody was there before us.

        `keep_last_given` is called before it: what clients may hold is known, whatever happens then. Raise
        `ObjectChanged` when somebody was.
        """
        self.progress.step("switch InRelease")
        before: list[Callable[[], object]] = [
            keep_last_given,
            partial(self._put, "Release.gpg", release_gpg, again=again),
            partial(self._put, "Release", release, again=again),
        ]
        at_once(before, self.bucket.at_once)
        self.keep_lease()
        try:
            self.bucket.put(
                suite_path(self.suite.name, "InRelease"),
                in_release,
                if_none_match=self.published.etag is None,
                if_match=self.published.etag,
            )
        except ObjectExists as error:
            raise self._overtaken() from error

    def mend(self, candidate: Candidate) -> None:
        """Bring canonical names back to what InRelease says, where an interrupted publication left others."""
        files = candidate.draft.stored
        mended = self._put_canonical(candidate, files, again=False)
        text = self.published.text
        mended += self._put("Release", text)
        signature = suite_path(self.suite.name, "Release.gpg")
        if self.seen[signature] is None or not self._signs(self.bucket.read(signature), text):
            mended += self._put("Release.gpg", self.signer.sign_detached(text))
        if mended:
            self.progress.note(f"{mended} objects that an interrupted publication left were mended", level="warning")

    def complete(self, candidate: Candidate) -> None:
        """Bring the indexes that stay as they are published into the candidate's folder too."""
        for file in candidate.draft.stored:
            self._path(candidate, file)

    def _overtaken(self) -> ObjectChanged:
        return ObjectChanged(
            f"Suite {self.suite.name} was published by another meanwhile.", remedy="Nothing: its publication counts."
        )

    def _put_canonical(self, candidate: Candidate, files: Sequence[IndexFile], *, again: bool) -> int:
        """Write indexes under their canonical names where they are not in place; return how many were written."""
        others = [
            file
            for file in files
            if again or not in_place(suite_path(self.suite.name, file.name), file.entry.sha256, self.seen)
        ]
        return sum(self._each_at_once(partial(self._put_index, candidate, again=again), others))

    def _put_index(self, candidate: Candidate, file: IndexFile, *, again: bool) -> bool:
        self.keep_lease()
        key, body = suite_path(self.suite.name, file.name), self._path(candidate, file)
        return put_canonical(self.bucket, key, body, file.entry.sha256, self.seen, again=again)

    def _put_patch(self, candidate: Candidate, patch: IndexFile) -> bool:
        self.keep_lease()
        key = suite_path(self.suite.name, patch.name)
        return put_immutable(self.bucket, key, candidate.folder / patch.name, patch.entry)

    def _put_by_hash(self, candidate: Candidate, file: IndexFile) -> bool:
        self.keep_lease()
        key = by_hash_path(self.suite.name, file.name, file.entry.sha256)
        return put_immutable(self.bucket, key, self._path(candidate, file), file.entry)

    def _each_at_once(self, put: Callable[[IndexFile], bool], files: Sequence[IndexFile]) -> list[bool]:
        """Write objects of which none names another, so that their order is all the same to readers."""
        return at_once([partial(put, file) for file in files], self.bucket.at_once)

    def _put(self, name: str, body: bytes, *, again: bool = False) -> bool:
        self.keep_lease()
        sha256 = checksums_of_bytes(body).sha256
        return put_canonical(self.bucket, suite_path(self.suite.name, name), body, sha256, self.seen, again=again)

    def _path(self, candidate: Candidate, file: IndexFile) -> Path:
        """Return an index's file; one that stays as it is published is fetched first. Raise `CandidateRefused`."""
        path = candidate.folder / file.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            copy_to_file(self.bucket, by_hash_path(self.suite.name, file.name, file.entry.sha256), path)
            if checksums_of_file(path).sha256 != file.entry.sha256:
                raise damaged(file.name)
        return path

    def _signs(self, signature: bytes, text: bytes) -> bool:
        return verified_text(text, self.signer.public_keyring(), signature=signature) is not None
