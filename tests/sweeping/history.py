"""A suite with a clock of its own, which is published and swept again and again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from packages_app.core.errors import StoreUnavailable
from packages_app.core.layout import by_hash_path
from packages_app.core.locations import FolderStore, SqliteTable
from packages_app.core.ports import ObjectStore, Silent
from packages_app.core.repository import load_repository
from packages_app.package_table.open_table import open_table
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.publisher import Publisher
from packages_app.services import adapters
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.signing.signing_keys import SigningKeys
from packages_app.stores.open_store import open_store
from packages_app.sweeping.removal import remove_generations
from packages_app.sweeping.retention import Keeping
from packages_app.sweeping.sweep import Sweep
from tests.records import make_record
from tests.stack import REPOSITORY

SIGNER = SigningKeys((OpenPgpSigner(generate_key("Test archive")),))
KEEPING = Keeping(2, timedelta(days=14))
START = datetime(2026, 1, 1, tzinfo=UTC)


class DatedStore:
    """A store whose clock is the test's, and that refuses one key when told to."""

    def __init__(self, store: ObjectStore, clock):
        self._store, self._clock, self._dates = store, clock, {}
        self.refused = ""
        self.deleted = []

    def __getattr__(self, name):
        return getattr(self._store, name)

    def put(self, key, body, **options):
        if key == self.refused:
            raise StoreUnavailable(f"{key} is refused.", remedy="None: it is brought in by a test.")
        info = self._store.put(key, body, **options)
        self._dates[key] = self._clock()
        return replace(info, modified=self._dates[key])

    def head(self, key):
        info = self._store.head(key)
        return info and replace(info, modified=self._dates[key])

    def delete(self, key):
        self._store.delete(key)
        self.deleted.append(key)


@dataclass
class History:
    """A suite with a clock of its own, and what was in place when."""

    folder: Path
    now: datetime = START
    in_place: list = field(default_factory=list)

    def __post_init__(self):
        self.bucket = self._store(FolderStore(self.folder / "bucket"))
        self.staging = self._store(FolderStore(self.folder / "staging"))
        self.table = open_table(SqliteTable(self.folder / "table.sqlite3"))
        self.table.create()
        self.repository = load_repository(REPOSITORY / "config" / "repository.yaml")
        self.suite = self.repository.default_suite

    def _store(self, location):
        store = DatedStore(open_store(location), lambda: self.now)
        store.create()
        return store

    def wait(self, **time):
        self.now += timedelta(**time)

    def offer(self, *versions):
        """Let the suite hold these versions and no others."""
        for version in versions:
            record = make_record("tool", version)
            self.bucket.put(record.pool_path, b"package")
            self.table.put_new(record)
        for record in list(self.table.all_records()):
            self.table.set_suites(record, ["stable"] if record.version in versions else [])

    def _new_release(self, publisher):
        """Publish what is pending, or sign once more when nothing is."""
        outcome = publisher.publish(self.suite, PublicationOptions())
        return outcome if outcome.switched else publisher.publish(self.suite, PublicationOptions(resign=True))

    def publish(self, *, fails=False):
        publisher = Publisher(
            repository=self.repository,
            table=self.table,
            bucket=self.bucket,
            staging=self.staging,
            signer=SIGNER,
            clock=lambda: self.now,
            keep_lease=lambda: None,
            progress=Silent(),
            cache=adapters.shard_cache(),
        )
        self.bucket.refused = "dists/stable/InRelease" if fails else ""
        if fails:
            with pytest.raises(StoreUnavailable):
                self._new_release(publisher)
        else:
            self.in_place.append(self._new_release(publisher).release)

    def sweep(self, **options):
        given = {"keeping": KEEPING, "now": self.now, "keep_lease": lambda: None, **options}
        return Sweep(self.table, self.bucket, self.staging, SIGNER.public_keyring(), **given)

    def run(self):
        sweep = self.sweep()
        plan = sweep.plan_suite("stable")
        remove_generations(sweep, plan)
        return plan

    def lacks(self, release):
        names = {by_hash_path("stable", name, entry.sha256) for name, entry in release.entries.items()}
        return names - self.by_hash()

    def by_hash(self):
        return {key for key, _ in self.bucket.keys("dists/") if "/by-hash/" in key}

    def held(self):
        """Releases that a client may hold: the newest ones, and those in place within the days."""
        newest = self.in_place[-KEEPING.generations :]
        pairs = zip(self.in_place, self.in_place[1:], strict=False)
        return newest + [old for old, new in pairs if new.date > self.now - KEEPING.age]
