"""The snapshots of a suite, as the bucket alone tells of them: made, read and deleted.

One is there as soon as its InRelease is, which is written last and deleted first. All that it names stands in its own
folder, `dists/SUITE/snapshots/ID/`, but for the pool files, which it shares.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from packages_app.core.at_once import at_once
from packages_app.core.errors import CandidateRefused, ObjectExists, ObjectNotFound
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import ObjectStore, Progress, Signer
from packages_app.core.snapshot import (
    SnapshotExists,
    SnapshotIncomplete,
    snapshot_folder,
    snapshots_folder,
    time_id,
    time_of,
)
from packages_app.indexes.entry import IndexEntry, entries_in
from packages_app.indexes.release import Release, parse_release
from packages_app.indexes.snapshot_release import ID, OF, REASON, is_snapshot, snapshot_release
from packages_app.publishing.generations import release_digest
from packages_app.publishing.index_file import IndexFile
from packages_app.publishing.published import read_index
from packages_app.signing.openpgp import verified_text
from packages_app.signing.signatures import clear_fault
from packages_app.signing.unproven import unproven_text
from packages_app.stores.pool_files import missing_or_other

IN_RELEASE = "InRelease"
FORMS = (IN_RELEASE, "Release", "Release.gpg")
"""What a snapshot has of its Release, in the order in which they are deleted."""
_NAMED = 5


@dataclass(frozen=True)
class Snapshot:
    """A snapshot that is there: its Release, and what of it people are told.

    `of` is the Date of the publication that it holds (UTC), which is its own too.
    """

    suite: str
    name: str
    text: bytes
    release: Release

    @property
    def folder(self) -> str:
        """What it is called as a suite of its own."""
        return snapshot_folder(self.suite, self.name)

    @property
    def of(self) -> datetime:
        """The Date of the publication that it holds."""
        return self.release.date

    @property
    def state(self) -> str:
        """What it holds: the state of a publication's moment, or what it was made of."""
        said = self.release.fields.get(OF, "")
        if not said or time_of(said.partition("-")[0]) is not None:
            return f"state of {self.of:%Y-%m-%d %H:%M:%S} UTC"
        return said

    @property
    def reason(self) -> str:
        """Why it was made; "" where nobody said."""
        return self.release.fields.get(REASON, "")


@dataclass(frozen=True)
class Source:
    """The publication that a snapshot is to hold: a suite's, and the text of its Release."""

    suite: str
    text: bytes

    @property
    def release(self) -> Release:
        """Its Release, taken apart."""
        return parse_release(self.text)

    @property
    def named(self) -> str:
        """What a snapshot says of it: its Date and its digest."""
        return f"{time_id(self.release.date)}-{release_digest(self.text)}"


def objects_of_snapshots(bucket: ObjectStore, suite: str) -> dict[str, dict[str, int]]:
    """Return the size in bytes of each object below a suite's snapshots, by its key, for each ID; publications' too."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    start = suite_path(snapshots_folder(suite))
    for key, size in bucket.keys(start):
        found[key.removeprefix(start).partition("/")[0]][key] = size
    return found


def is_there(objects: Mapping[str, int], suite: str, name: str) -> bool:
    """Return whether a snapshot is there, by the objects in its folder."""
    return suite_path(snapshot_folder(suite, name), IN_RELEASE) in objects


def names_of_snapshots(bucket: ObjectStore, suite: str) -> list[str]:
    """Return the IDs of a suite's snapshots that are there, sorted."""
    found = objects_of_snapshots(bucket, suite)
    return sorted(name for name, objects in found.items() if time_of(name) is None and is_there(objects, suite, name))


def read_snapshot(bucket: ObjectStore, suite: str, name: str, keyring: bytes) -> Snapshot:
    """Read a snapshot, or the copy of a publication, by its InRelease.

    Raise `ObjectNotFound` where there is none, `CandidateRefused` where it is not what a key of ours has signed as that
    snapshot.
    """
    key = suite_path(snapshot_folder(suite, name), IN_RELEASE)
    signed = bucket.read(key)
    text = verified_text(signed, keyring)
    if text is None:
        raise _unlike(key, "bears no good signature of the key in use")
    # Nobody signs a snapshot again: it may bear that of a key which has left the keyring, beside one that is in it.
    if why := clear_fault(signed, text, keyring, strangers=True):
        raise _unlike(key, f"is not as our keys sign. {why.rstrip('.')}")
    release = parse_release(text, expires=False)
    if not is_snapshot(release) or (release.fields[ID], release.fields.get("Suite")) != (name, suite):
        raise _unlike(key, "is not that of this snapshot")
    if "Valid-Until" in release.fields:
        raise _unlike(key, "has a Valid-Until, after which clients refuse it")
    return Snapshot(suite, name, text, release)


def described_snapshot(bucket: ObjectStore, suite: str, name: str) -> Snapshot | None:
    """Return a snapshot as it tells of itself, whoever signed it; None where there is none that can be read.

    For showing it to people: nothing here is proven.
    """
    try:
        text = unproven_text(bucket.read(suite_path(snapshot_folder(suite, name), IN_RELEASE)))
        return Snapshot(suite, name, text or b"", parse_release(text or b"", expires=False))
    except (ObjectNotFound, CandidateRefused):
        return None


def _unlike(key: str, what: str) -> CandidateRefused:
    return CandidateRefused(f"{key} {what}.", remedy="Delete that snapshot (snapshot delete), or put it back.")


@dataclass(frozen=True)
class SnapshotMaker:
    """Makes and deletes snapshots of a suite whose lease is held; `keep_lease` raises when it is lost."""

    bucket: ObjectStore
    signer: Signer
    keep_lease: Callable[[], None]
    progress: Progress

    def make(self, source: Source, name: str, reason: str) -> Snapshot:
        """Make a snapshot of a publication; `reason` is one line. One that is just that already is completed.

        Raise `SnapshotExists`, `SnapshotIncomplete` where indexes or pool files are gone, and `LeaseLost`. What was
        made before an error is no snapshot yet: the next one of that ID completes it, or the sweep takes it.
        """
        folder = snapshot_folder(source.suite, name)
        text = snapshot_release(source.text, source.suite, {ID: name, OF: source.named, REASON: reason})
        made = Snapshot(source.suite, name, text, parse_release(text, expires=False))
        if self._is_made(made):
            return made
        self.progress.step("look at what it holds", source.named)
        stored = self._stored(source, made.release)
        self._check_pool(source, made.release)
        self.progress.step("copy indexes", f"{len(stored)} of {folder}")
        copies = [partial(self._copy, source.suite, folder, index, made.release) for index in stored]
        at_once(copies, self.bucket.at_once)
        self._write(made)
        self.finish(made)
        return made

    def put(self, suite: str, name: str, text: bytes, files: Sequence[IndexFile]) -> Snapshot:
        """Make a snapshot with this text of Release, of the indexes that it lists; one that is there is completed.

        Raise `SnapshotExists` for another one, and `LeaseLost`.
        """
        made = Snapshot(suite, name, text, parse_release(text, expires=False))
        if self._is_made(made):
            return made
        self.progress.step("write indexes", f"{len(files)} of {made.folder}")
        at_once([partial(self._put, made.folder, file) for file in files], self.bucket.at_once)
        self._write(made)
        self.finish(made)
        return made

    def _is_made(self, made: Snapshot) -> bool:
        """Return whether a snapshot is there already, completed then; raise `SnapshotExists` where another is."""
        if self.bucket.head(suite_path(made.folder, IN_RELEASE)) is None:
            return False
        there = described_snapshot(self.bucket, made.suite, made.name)
        if there is None or there.text != made.text:
            raise _exists(made.suite, made.name)
        self.finish(made)
        return True

    def finish(self, snapshot: Snapshot) -> None:
        """Remove what one that was cut off, of another publication, left in a snapshot's folder."""
        objects = objects_of_snapshots(self.bucket, snapshot.suite).get(snapshot.name, {})
        for key in strangers_in(objects, snapshot):
            self.keep_lease()
            self.bucket.delete(key)

    def delete(self, suite: str, name: str) -> int:
        """Delete a snapshot, InRelease first, so that no reader meets a part of it; return how many objects went."""
        found = objects_of_snapshots(self.bucket, suite).get(name, {})
        for key in in_order_of_removal(suite, name, found):
            self.keep_lease()
            self.bucket.delete(key)
        return len(found)

    def _stored(self, source: Source, release: Release) -> list[str]:
        """Return the names of the indexes that can be fetched; raise `SnapshotIncomplete` when others are gone."""
        names = sorted(release.entries)
        keys = [by_hash_path(source.suite, name, release.entries[name].sha256) for name in names]
        heads = at_once([partial(self.bucket.head, key) for key in keys], self.bucket.at_once)
        there = {name for name, head in zip(names, heads, strict=True) if head is not None}
        # A suite may only list its uncompressed forms (index_forms); some other form is there then.
        folders = {name.rpartition("/")[0] for name in there}
        gone = [
            name
            for name in names
            if name not in there and not (name.endswith("/Packages") and name.rpartition("/")[0] in folders)
        ]
        if gone:
            raise _incomplete(source, "indexes", gone)
        return sorted(there)

    def _check_pool(self, source: Source, release: Release) -> None:
        files = {entry.pool_path: entry.file_size for entry in packages_in(self.bucket, source.suite, release)}
        gone = missing_or_other(self.bucket, files)
        if gone:
            raise _incomplete(source, "pool files", gone)

    def _copy(self, suite: str, folder: str, name: str, release: Release) -> None:
        """Copy an index by hash, from the object that never changes, and under its canonical name."""
        sha256 = release.entries[name].sha256
        origin = by_hash_path(suite, name, sha256)
        self.keep_lease()
        self.bucket.copy(origin, by_hash_path(folder, name, sha256), metadata={})
        self.bucket.copy(origin, suite_path(folder, name), metadata={"sha256": sha256})

    def _put(self, folder: str, file: IndexFile) -> None:
        """Write an index by hash, and under its canonical name."""
        assert file.path is not None  # noqa: S101 - of those that are only listed there is none to be put
        self.keep_lease()
        self.bucket.put(by_hash_path(folder, file.name, file.entry.sha256), file.path)
        self.bucket.put(suite_path(folder, file.name), file.path, metadata={"sha256": file.entry.sha256})

    def _write(self, made: Snapshot) -> None:
        """Write the three forms of Release; InRelease is the last, and only if nobody else was here."""
        self.progress.step("write InRelease", made.folder)
        self.keep_lease()
        self.bucket.put(suite_path(made.folder, "Release.gpg"), self.signer.sign_detached(made.text))
        self.bucket.put(suite_path(made.folder, "Release"), made.text)
        self.keep_lease()
        try:
            in_release = self.signer.sign_clear(made.text)
            self.bucket.put(suite_path(made.folder, IN_RELEASE), in_release, if_none_match=True)
        except ObjectExists as error:
            raise _exists(made.suite, made.name) from error


def strangers_in(objects: Mapping[str, int], snapshot: Snapshot) -> list[str]:
    """Return the objects of a snapshot's folder that its Release does not name, sorted."""
    folder, entries = snapshot.folder, snapshot.release.entries
    ours = {suite_path(folder, name) for name in (*FORMS, *entries)}
    ours |= {by_hash_path(folder, name, entry.sha256) for name, entry in entries.items()}
    return sorted(objects.keys() - ours)


def in_order_of_removal(suite: str, name: str, objects: Mapping[str, int]) -> list[str]:
    """Return the keys of a snapshot's objects in the order in which they go."""
    forms = [suite_path(snapshot_folder(suite, name), form) for form in FORMS]
    return [*(key for key in forms if key in objects), *sorted(objects.keys() - set(forms))]


def packages_in(bucket: ObjectStore, folder: str, release: Release) -> Iterator[IndexEntry]:
    """Return the entries of all Packages indexes below a suite, or a snapshot, as its Release lists them.

    Raise `ObjectNotFound` and `CandidateRefused` for an index that is gone or damaged.
    """
    for name in release.entries:
        if name.endswith("/Packages"):
            yield from entries_in(read_index(bucket, folder, name, release))


def _exists(suite: str, name: str) -> SnapshotExists:
    return SnapshotExists(
        f"Suite {suite} has a snapshot {name} already.", remedy="Choose another ID, or delete that one first."
    )


def _incomplete(source: Source, what: str, gone: Sequence[str]) -> SnapshotIncomplete:
    more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
    return SnapshotIncomplete(
        f"The publication {source.named} of suite {source.suite} is no longer whole: {len(gone)} {what} are gone:"
        f" {', '.join(gone[:_NAMED])}{more}.",
        remedy="Take a newer publication; what is in place is mended by verify_repository --repair.",
    )
