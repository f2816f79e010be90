"""What the rules need from outside: the package table, object stores, a signer, a clock, and a place to tell progress.

Each port has an embedded and a distributed adapter; one contract test runs against both.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Protocol

from packages_app.core.last_given import LastGiven
from packages_app.core.moving import Moving
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.suite_change import SuiteChange

Clock = Callable[[], datetime]
"""Gives now, as an aware datetime in UTC."""


class Written(Enum):
    """What a conditional write of a record did."""

    ADDED = "added"
    ALREADY_THERE = "already_there"


@dataclass(frozen=True)
class Lease:
    """A publisher's hold on a suite. `fence` only grows; `expires` is seconds since the epoch."""

    name: str
    holder: str
    fence: int
    expires: float


@dataclass(frozen=True)
class PendingChange:
    """What a write of a record leaves for each suite that it touches; `token` tells it from every other."""

    key: TableKey
    token: str


class PackageTable(Moving, Protocol):
    """The only truth. All calls raise `TableUnavailable` after three tries, `TableMissing` when there is no table."""

    most_suites: int | None
    """How many suites one write of a record may touch; `PackageRefused` for more. None where any number may be."""

    def create(self) -> bool:
        """Make table, index and lists of suites where they are missing; True when something was made. Safe to repeat.

        The lists of a table that an earlier release made are made while others write to it.
        """
        ...

    def suites_are_listed(self) -> bool:
        """Return whether the table has lists of its suites; until `create` made them, `records_of` reads it whole."""
        ...

    def probe(self) -> str:
        """Try what we rely on with items of the probe's own, and remove them; return a line that names the table.

        Conditional writes, transactions, consistent reads. Raise `TableUnfit` for a table that lacks or ignores one.
        """
        ...

    def put_new(self, record: PackageRecord, change: SuiteChange | None = None) -> Written:
        """Write a record unless its key is there; in the same step it is listed and pending in each of its suites.

        So `change` is kept in its history. The same bytes (SHA256 and size) there already: `ALREADY_THERE`, nothing
        changes, suites included. Other bytes: raises `VersionConflict` that names both SHA256, nothing changes. Raise
        `VersionPurged`, `OtherBuild` for a suite that has or had another build, and `PackageRefused` for one too large.
        """
        ...

    def put_many_new(self, records: Sequence[PackageRecord], changes: Sequence[SuiteChange] = ()) -> list[Written]:
        """Write records, each with its change, as `put_new` does, faster; return what each write did, in their order.

        Raise for the first that `put_new` raises for; of the others, some may be written by then.
        """
        ...

    def get_many(self, keys: Collection[TableKey]) -> dict[TableKey, PackageRecord]:
        """Read the records of these keys (strongly consistent); keys that are not there are not in the answer."""
        ...

    def suite_changes_of(self, name: str, version: str) -> list[SuiteChange]:
        """Return what was kept of the changes of a version's suites, oldest first (strongly consistent)."""
        ...

    def get(self, name: str, version: str, built_for: str) -> PackageRecord | None:
        """Read one record (strongly consistent)."""
        ...

    def versions_of(self, name: str) -> Iterator[PackageRecord]:
        """Return all records of exactly this name, oldest version first, then by `built_for` (index: may lag)."""
        ...

    def newest_of(self, name: str) -> PackageRecord | None:
        """Return a record of the newest version of this name in dpkg's order (index: may lag)."""
        ...

    def all_records(self) -> Iterator[PackageRecord]:
        """Return every record once, in no order, from the base table with consistent reads. Only records."""
        ...

    def records_of(self, suite: str) -> Iterator[PackageRecord]:
        """Yield every record of a suite once, in no order, by consistent reads; what it costs is the suite's size.

        A record that comes into the suite or leaves it meanwhile may be there or not.
        """
        ...

    def documents_of(self, suite: str) -> Iterator[bytes]:
        """Yield the documents (`core.document`) of the same records, in the order of their keys.

        For who may know a document already, and need not make a record of it. Of a table whose suites are not listed
        they may come in no order.
        """
        ...

    def pending_changes_of(self, suite: str) -> list[PendingChange]:
        """Return what was written to a suite and not removed since, in no order (strongly consistent)."""
        ...

    def remove_pending_changes(self, suite: str, changes: Sequence[PendingChange]) -> None:
        """Remove just these, as a publication does that shows what they tell of; newer ones of a record stay."""
        ...

    def releases_of(self, suite: str) -> tuple[str, ...]:
        """Return the digests that were last kept by `keep_releases` (strongly consistent); () when none were."""
        ...

    def keep_releases(self, suite: str, digests: Sequence[str]) -> None:
        """Keep which Releases of a suite show all of this table but for the pending changes."""
        ...

    def last_given(self, suite: str) -> LastGiven | None:
        """Return what `keep_last_given` kept of a suite (strongly consistent); None when it never did."""
        ...

    def suites_given(self) -> dict[str, LastGiven | None]:
        """Return what was kept of each suite, configured or not; None where only its Releases' digests are known."""
        ...

    def keep_last_given(self, suite: str, given: LastGiven, *, before: LastGiven | None) -> None:
        """Keep what a suite's clients are about to be given, by the holder of the suite's lease.

        Raise `ObjectChanged` when what is kept is no longer `before`: another publisher holds the lease by now.
        Nothing changes then. The same again is a success.
        """
        ...

    def take_lease(self, name: str, holder: str, seconds: float) -> Lease:
        """Take a lease that is free, expired, or this holder's own; raise `LeaseBusy`. The fence grows by one."""
        ...

    def renew_lease(self, lease: Lease, seconds: float) -> Lease:
        """Extend a lease that is still ours by its fence; raise `LeaseLost`. The fence stays."""
        ...

    def release_lease(self, lease: Lease) -> None:
        """Let go of a lease; a lease that is no longer ours is left alone. The fence is remembered."""
        ...


@dataclass(frozen=True)
class ObjectInfo:
    """An object as a head request tells it: `size` in bytes, `etag` opaque, `metadata` with lower-case names."""

    key: str
    size: int
    etag: str
    content_type: str
    cache_control: str
    modified: datetime
    metadata: Mapping[str, str] = field(default_factory=dict)


class ObjectStore(Protocol):
    """A bucket or a folder. All calls raise `StoreUnavailable` after three tries, `StoreMissing` when it is not there.

    A write is atomic: a reader gets the old object or the new one, whole. Content type and cache headers follow
    `core.layout` by key. Keys are relative, without a leading slash, and may hold `+`, `~` and `:`.
    """

    @property
    def at_once(self) -> int:
        """How many calls are worth making at the same time; 1 where none waits for a server."""
        ...

    def create(self) -> bool:
        """Make the bucket or folder when it is missing; True when it was made. Safe to repeat."""
        ...

    def probe(self) -> str:
        """Try what we rely on with objects of the probe's own, and remove them; return a line that names the store.

        Conditional writes, ETags, reads and listings after writes. Raise `StoreUnfit` for a store that ignores one.
        """
        ...

    def put(
        self,
        key: str,
        body: bytes | Path,
        *,
        metadata: Mapping[str, str] | None = None,
        if_none_match: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object from bytes or a file; return it dated by the store's answer, where a head may tell earlier.

        `if_none_match`: raises `ObjectExists` when the key is there. `if_match`: raises `ObjectChanged` when the
        key's ETag is another one, or the key is not there.
        """
        ...

    def put_many_new(self, objects: Sequence[tuple[str, bytes]]) -> list[bool]:
        """Write small objects, a key and its bytes each, as `put` does with `if_none_match`, faster.

        Return for each, in their order, whether it was written; the others are there already, and stay. Raise the
        errors of `put`; some may be written by then.
        """
        ...

    def head(self, key: str) -> ObjectInfo | None:
        """Tell an object's size, type and metadata, or None."""
        ...

    def read(self, key: str) -> bytes:
        """Return a small object's bytes; raise `ObjectNotFound`."""
        ...

    def read_with_etag(self, key: str) -> tuple[bytes, str]:
        """Return a small object's bytes and the ETag of just these bytes; raise `ObjectNotFound`."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Open an object for reading from its start; the caller closes it. Raise `ObjectNotFound`."""
        ...

    def as_local_file(self, key: str) -> AbstractContextManager[Path]:
        """Return an object for the block as a file of the key's last part, which stays what it is.

        It is not to be written to: it may be the store's own. Raise `ObjectNotFound` when the block begins.
        """
        ...

    def draft_folder(self) -> AbstractContextManager[Path]:
        """Return an empty folder for the block, for files that are to become objects.

        Where the store is a folder, it is on the same file system: a file of it that is put, and left alone then, is
        not copied.
        """
        ...

    def copy(self, source: str, target: str, *, metadata: Mapping[str, str]) -> ObjectInfo:
        """Copy within the store, on its side, and set the copy's metadata; raise `ObjectNotFound`."""
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...

    def keys(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Return (key, size in bytes) of every object whose key begins with `prefix`, sorted by key."""
        ...

    def sizes_of(self, keys: Collection[str]) -> dict[str, int]:
        """Return the sizes in bytes of those of these objects that are there, in no order."""
        ...


class Signer(Protocol):
    """Signs Release files with the repository's OpenPGP key."""

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint, upper-case hex."""
        ...

    @property
    def expires(self) -> datetime | None:
        """When the key stops being valid, or None."""
        ...

    def sign_clear(self, text: bytes) -> bytes:
        """Return the InRelease form: the text with a cleartext signature around it."""
        ...

    def sign_detached(self, text: bytes) -> bytes:
        """Return the Release.gpg form: an armored detached signature."""
        ...

    def public_keyring(self) -> bytes:
        """Return the public certificate, binary, as `Signed-By` wants it in a `.gpg` file."""
        ...

    def public_armored(self) -> bytes:
        """Return the public certificate, ASCII-armored (`.asc`)."""
        ...


class Signers(Signer, Protocol):
    """Signs with several keys at once. What a `Signer` gives is that of all; `fingerprint` is the leading one's."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the primary keys that sign, upper-case hex, the leading one first."""
        ...


class Progress(Protocol):
    """Where a service tells what it is doing: a job row, a terminal's bar, or nobody."""

    def step(self, name: str, detail: str = "") -> None:
        """Begin a step; the one before is done. `name` is short and stable, `detail` says what of it."""
        ...

    def advance(self, done: int, total: int) -> None:
        """Tell how far the present step is, in its own units (bytes, records)."""
        ...

    def note(self, text: str, *, level: str = "info") -> None:
        """Note something about the present step that a person should read; level info, warning or error."""
        ...


class Silent:
    """The progress that nobody watches."""

    def step(self, name: str, detail: str = "") -> None:
        """Do nothing."""

    def advance(self, done: int, total: int) -> None:
        """Do nothing."""

    def note(self, text: str, *, level: str = "info") -> None:
        """Do nothing."""
