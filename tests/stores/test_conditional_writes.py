"""What the port promises to writers and readers at the same time, kept by both stores (R11, P12)."""

import subprocess
import sys
import threading

import pytest

from packages_app.core.errors import ObjectChanged, ObjectExists, ObjectNotFound
from repomgr.servers.process import bound_to_us
from tests.stores.racing_writer import ROUNDS


def test_if_none_match_never_replaces(store):
    store.put("a", b"one", if_none_match=True)
    with pytest.raises(ObjectExists):
        store.put("a", b"two", if_none_match=True)
    assert store.read("a") == b"one"


def test_if_match_replaces_only_what_was_seen(store):
    seen = store.put("InRelease", b"one")
    store.put("InRelease", b"two", if_match=seen.etag)
    with pytest.raises(ObjectChanged):
        store.put("InRelease", b"three", if_match=seen.etag)
    assert store.read("InRelease") == b"two"
    with pytest.raises(ObjectChanged):
        store.put("absent", b"x", if_match=seen.etag)


@pytest.mark.parametrize("condition", ["none", "match"])
def test_of_many_writers_one_wins(store, condition):
    seen = store.put("raced", b"before").etag if condition == "match" else None
    won = []

    def write(number):
        try:
            store.put("raced", b"%d" % number, if_none_match=seen is None, if_match=seen)
            won.append(number)
        except (ObjectExists, ObjectChanged):
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert store.read("raced") == b"%d" % won[0]


@pytest.mark.outside
def test_of_many_processes_one_wins(store, location):
    """Each takes the same hundred keys, and counts one object up by compare-and-swap: nothing is lost or doubled."""
    store.put("counter", b"0")
    command = [sys.executable, "-m", "tests.stores.racing_writer", repr(location)]
    writers = [subprocess.Popen(bound_to_us(command), stdout=subprocess.PIPE, text=True) for _ in range(3)]
    won = [line for writer in writers for line in writer.communicate(timeout=120)[0].split()]
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert sorted(won) == sorted(f"raced/{number}" for number in range(ROUNDS))
    assert store.read("counter") == b"%d" % (3 * ROUNDS)


def test_a_write_tells_of_itself_not_of_the_next_one(store):
    first = store.put("InRelease", b"one")
    second = store.put("InRelease", b"two", if_match=first.etag)
    assert first.etag != second.etag
    assert store.head("InRelease").etag == second.etag


def test_a_reader_gets_the_old_or_the_new_object_whole(store):
    bodies = [bytes([number]) * 200_000 for number in range(6)]
    store.put("changing", bodies[0])
    seen, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            seen.append(store.read("changing"))

    reader = threading.Thread(target=read)
    reader.start()
    for body in bodies * 3:
        store.put("changing", body)
    stop.set()
    reader.join()
    assert seen
    assert set(seen) <= set(bodies)


def test_bytes_come_with_the_etag_of_just_these_bytes(store):
    for body in (b"one", b"two"):
        etag = store.put("InRelease", body).etag
        assert store.read_with_etag("InRelease") == (body, etag)
    with pytest.raises(ObjectNotFound):
        store.read_with_etag("absent")
