"""The sweep never takes what a client may still ask for, and in the end takes the rest."""

import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import LeaseLost, ObjectChanged, StoreUnavailable
from packages_app.core.layout import by_hash_path
from packages_app.core.locations import FolderStore, SqliteTable
from packages_app.core.ports import ObjectStore, Silent
from packages_app.core.repository import load_repository
from packages_app.indexes.release import parse_release
from packages_app.package_table.open_table import open_table
from packages_app.publishing.generations import Generation, generations, keep_generation, read_generation
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.published import Published
from packages_app.publishing.publisher import Publisher
from packages_app.services import adapters
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.stores.open_store import open_store
from packages_app.sweeping.removal import move_orphans, put_back_named, remove_generations
from packages_app.sweeping.retention import Keeping
from packages_app.sweeping.sweep import Sweep
from tests.records import make_record
from tests.stack import REPOSITORY

SIGNER = OpenPgpSigner(generate_key("Test archive"))
KEEPING = Keeping(2, timedelta(days=14))
# Hundreds of publications, each write of which waits for the disk, are slow on one.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
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


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


steps = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from([(), ("1",), ("2",), ("1", "2"), ("1", "2", "3")])),
    st.tuples(st.just("fail"), st.sampled_from([("1",), ("4",)])),
    st.tuples(st.just("wait"), st.integers(1, 30)),
    st.tuples(st.just("sweep"), st.just(())),
)


@settings(max_examples=100)
@given(st.lists(steps, min_size=4, max_size=24))
def test_whoever_holds_a_retained_release_reads_all_its_indexes(drawn):
    with tempfile.TemporaryDirectory(dir=IN_MEMORY) as folder:
        history = History(Path(folder))
        for step, value in [*drawn, ("sweep", ())]:
            if step == "wait":
                history.wait(days=value)
            elif step == "sweep":
                history.run()
                assert [history.lacks(release) for release in history.held()] == [set()] * len(history.held())
            else:
                history.wait(minutes=1)
                history.offer(*value)
                history.publish(fails=step == "fail")
        kept = history.in_place[-1:]
        for version in ("8", "9"):
            history.offer(version)
            history.wait(minutes=1)
            history.publish()
        history.wait(days=15)
        history.run()
        named = set().union(*({by_hash_path("stable", n, e.sha256) for n, e in r.entries.items()}
                              for r in history.in_place[-2:]))  # fmt: skip
        assert history.by_hash() == named
        assert len(generations(history.staging, "stable")) == 2
        assert [bool(history.lacks(release)) for release in kept] == [True] * len(kept)


def test_a_release_that_stood_long_is_kept_from_its_successor_on(history):
    history.offer("1")
    history.publish()
    history.wait(days=1)
    history.offer("2")
    history.publish(fails=True)  # kept, and never in place: it must not count as the first one's end
    history.wait(days=40)
    for version in ("3", "4", "5"):
        history.offer(version)
        history.wait(minutes=1)
        history.publish()
    history.wait(days=13)
    history.run()
    assert history.lacks(history.in_place[0]) == set()
    history.wait(days=2)
    history.run()
    assert history.lacks(history.in_place[0])


def test_what_was_replaced_long_ago_goes_though_the_suite_is_published_each_week(history):
    for number in range(8):
        history.wait(days=7)
        history.offer(str(number))
        history.publish()
    history.run()
    # The last two, and the one that the last but one replaced, since that was seven days ago.
    assert [bool(history.lacks(release)) for release in history.in_place] == [True] * 5 + [False] * 3
    assert len(generations(history.staging, "stable")) == 3


def test_indexes_of_a_publication_under_way_stay_however_old_they_are(history):
    for version in ("1", "2", "3", "4"):
        history.offer(version)
        history.wait(minutes=1)
        history.publish()
    history.wait(days=20)
    history.offer("1")
    history.publish(fails=True)  # it found the indexes of the first one in place
    history.run()
    assert history.lacks(history.in_place[0]) == set()
    assert history.lacks(history.in_place[1])


def test_nothing_goes_while_clients_may_hold_what_was_not_kept(history):
    for version in ("1", "2"):
        history.offer(version)
        history.wait(minutes=1)
        history.publish()
    for key, _ in list(history.staging.keys("releases/")):
        history.staging.delete(key)  # as if an older repomgr had published until now
    history.wait(days=40)
    assert "generations" in history.run().kept_back
    for version in ("3", "4"):
        history.offer(version)
        history.wait(days=1)
        history.publish()
    history.wait(days=10)
    assert "generations" in history.run().kept_back
    assert [history.lacks(release) for release in history.in_place] == [set()] * 4
    history.wait(days=5)
    assert history.run().kept_back == ""
    assert [bool(history.lacks(release)) for release in history.in_place] == [True, True, False, False]


def test_generations_are_kept_in_order_and_read_back(tmp_path):
    staging = open_store(FolderStore(tmp_path / "another"))
    staging.create()
    history = History(tmp_path)
    history.offer("1")
    history.publish()
    history.wait(minutes=1)
    history.publish()
    first, second = generations(history.staging, "stable")
    assert (first.replaces, second.replaces) == ("first", first.sha256)
    assert read_generation(history.staging, second) == history.in_place[1]
    text = history.staging.read(second.key)
    info = keep_generation(staging, "stable", text, second.date, Published("etag", parse_release(text), text))
    assert info.key == f"releases/stable/20260101T000100Z-{second.sha256}-after-{second.sha256}"
    assert keep_generation(staging, "stable", text, second.date, Published("other", None)).key.endswith("-unknown")
    staging.put("releases/stable/note.txt", b"of another")
    assert len(generations(staging, "stable")) == 2
    assert Generation.at("releases/stable/20269999T000000Z-0123456789abcdef-after-first", 1) is None


def old_indexes(history):
    for version in ("1", "2", "3", "4"):
        history.offer(version)
        history.wait(minutes=1)
        history.publish()
    history.wait(days=20)
    return history.sweep().plan_suite("stable")


def test_a_lost_lease_stops_the_sweep_at_once(history):
    plan = old_indexes(history)
    doomed = [found.key for found in (*plan.by_hash, *plan.releases)]
    assert len(doomed) > 6
    calls = 0

    def keep_lease():
        nonlocal calls
        calls += 1
        if calls == 4:
            raise LeaseLost("Another has it.", remedy="Nothing.")

    with pytest.raises(LeaseLost):
        remove_generations(history.sweep(keep_lease=keep_lease), plan)
    assert history.bucket.deleted == doomed[:3]
    assert history.lacks(history.in_place[-1]) == set()


def test_a_plan_for_another_inrelease_is_not_carried_out(history):
    plan = old_indexes(history)
    history.offer("1")
    history.publish()  # names again what the plan would take
    with pytest.raises(ObjectChanged, match=r"\bstable\b"):
        remove_generations(history.sweep(), plan)
    assert history.bucket.deleted == []


def test_a_publication_in_the_middle_of_a_removal_stops_it(history):
    for number in range(24):
        history.offer(str(number))
        history.wait(minutes=1)
        history.publish()
    history.wait(days=20)
    sweep, plan = history.sweep(), history.sweep().plan_suite("stable")
    doomed = [found.key for found in plan.by_hash]
    assert len(doomed) > 60

    class Overtaken(DatedStore):
        """A bucket that another publisher uses for the last of what the plan would take, at the 20th deletion."""

        def __getattr__(self, name):
            return getattr(history.bucket, name)

        def delete(self, key):
            history.bucket.delete(key)
            if len(history.bucket.deleted) == 20:
                history.offer("0")
                history.publish()

    with pytest.raises(ObjectChanged):
        remove_generations(replace(sweep, bucket=Overtaken(history.bucket, None)), plan)
    assert len(history.bucket.deleted) < len(doomed)
    assert history.bucket.deleted == doomed[: len(history.bucket.deleted)]


def test_a_file_that_a_record_comes_to_name_while_it_is_taken_is_put_back(history):
    record = replace(make_record("late"), sha256_hash=checksums_of_bytes(b"late").sha256, file_size=4)
    history.bucket.put(record.pool_path, b"late")
    history.bucket.put("pool/main/o/other/other_1_all.deb", b"other")
    history.wait(days=20)
    plan = history.sweep().plan_pool()
    history.table.put_new(record)
    move_orphans(history.sweep(), plan.orphans)
    assert list(history.bucket.keys("pool/")) == []
    assert put_back_named(history.sweep()) == [record.pool_path]
    assert history.bucket.read(record.pool_path) == b"late"
    assert history.staging.read("swept/20260121/pool/main/o/other/other_1_all.deb") == b"other"
    assert put_back_named(history.sweep()) == []


def test_the_only_copy_of_a_file_that_a_record_names_stays_in_staging(history):
    record = make_record("late")
    history.staging.put(f"swept/20260101/{record.pool_path}", b"of another build")
    history.table.put_new(record)
    history.wait(days=20)
    assert put_back_named(history.sweep()) == []
    assert history.sweep().plan_staging([], ()) == ()
    history.bucket.put(record.pool_path, b"package")
    assert len(history.sweep().plan_staging([], ())) == 1
