"""The sweep never takes what a client may still ask for, and in the end takes the rest."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import LeaseLost, ObjectChanged
from packages_app.core.layout import by_hash_path
from packages_app.core.locations import FolderStore
from packages_app.indexes.release import parse_release
from packages_app.publishing.generations import Generation, generations, keep_generation, read_generation
from packages_app.publishing.published import Published
from packages_app.stores.open_store import open_store
from packages_app.sweeping.removal import move_orphans, put_back_named, remove_generations
from packages_app.sweeping.sweep import Leftover
from tests.every import examples
from tests.records import make_record
from tests.sweeping.history import History

# Hundreds of publications, each write of which waits for the disk, are slow on one.
IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


steps = st.one_of(
    st.tuples(st.just("publish"), st.sampled_from([(), ("1",), ("2",), ("1", "2"), ("1", "2", "3")])),
    st.tuples(st.just("fail"), st.sampled_from([("1",), ("4",)])),
    st.tuples(st.just("wait"), st.integers(1, 30)),
    st.tuples(st.just("sweep"), st.just(())),
)


@settings(max_examples=examples(100, 20))
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

    class Overtaken:
        """A bucket that another publisher uses for the last of what the plan would take, at the 20th deletion."""

        def __getattr__(self, name):
            return getattr(history.bucket, name)

        def delete(self, key):
            history.bucket.delete(key)
            if len(history.bucket.deleted) == 20:
                history.offer("0")
                history.publish()

    with pytest.raises(ObjectChanged):
        remove_generations(replace(sweep, bucket=Overtaken()), plan)
    assert len(history.bucket.deleted) < len(doomed)
    assert history.bucket.deleted == doomed[: len(history.bucket.deleted)]


def test_a_file_that_a_record_comes_to_name_while_it_is_taken_is_put_back(history):
    record = replace(make_record("late"), sha256_hash=checksums_of_bytes(b"late").sha256, file_size=4)
    history.bucket.put(record.pool_path, b"late")
    history.bucket.put("pool/main/o/other/other_1_all.deb", b"other")
    history.wait(days=20)
    orphans = [Leftover(*each) for each in history.bucket.keys("pool/")]
    history.table.put_new(record)
    move_orphans(history.sweep(), orphans)
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
