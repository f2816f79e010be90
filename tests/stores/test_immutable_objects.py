"""Objects that are written once and never replaced, in both stores (R11, P12, P16)."""

import tracemalloc

import pytest

from packages_app.core.checksums import checksums_of_bytes, checksums_of_file
from packages_app.core.errors import ImmutableObjectConflict, ObjectNotFound
from packages_app.core.layout import content_type
from packages_app.stores.immutable import put_immutable, put_many_immutable


def test_a_large_file_never_stands_in_memory(store, tmp_path):
    path, size = tmp_path / "large", 48 * 1024**2
    with path.open("wb") as stream:
        stream.truncate(size)
    checksums = checksums_of_file(path)
    tracemalloc.start()
    try:
        assert put_immutable(store, "pool/large.deb", path, checksums) is True
        assert put_immutable(store, "pool/large.deb", path, checksums) is False
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()


def test_an_immutable_object_is_written_once(store):
    body = b"index"
    assert put_immutable(store, "by-hash/x", body, checksums_of_bytes(body)) is True
    assert put_immutable(store, "by-hash/x", body, checksums_of_bytes(body)) is False
    with pytest.raises(ImmutableObjectConflict, match=checksums_of_bytes(body).sha256):
        put_immutable(store, "by-hash/x", b"other", checksums_of_bytes(b"other"))
    assert store.read("by-hash/x") == body


def test_many_immutable_objects_are_written_once(store):
    many = [(key, body, checksums_of_bytes(body)) for key, body in (("pool/1", b"one"), ("pool/2", b"two"))]
    other = ("pool/1", b"other", checksums_of_bytes(b"other"))
    assert put_many_immutable(store, many[:1]) == [True]
    same, new, conflict = put_many_immutable(store, [*many, other])
    assert (same, new) == (False, True)
    assert isinstance(conflict, ImmutableObjectConflict)
    assert other[2].sha256 in conflict.message
    assert [store.read(key) for key, _, _ in many] == [b"one", b"two"]
    assert put_many_immutable(store, []) == []


def test_an_immutable_object_that_goes_while_it_is_compared_is_written(store):
    class Going:
        def __getattr__(self, name):
            return getattr(store, name)

        def open(self, key):
            store.delete(key)
            return store.open(key)

    store.put("pool/a", b"a")
    assert put_immutable(Going(), "pool/a", b"a", checksums_of_bytes(b"a")) is True
    assert store.read("pool/a") == b"a"


def test_many_new_objects_are_written_and_those_there_stay(store):
    store.put("pool/3", b"there")
    many = [(f"pool/{number}", b"%d" % number) for number in range(40)]
    written = store.put_many_new(many)
    assert written == [key != "pool/3" for key, _ in many]
    assert [store.read(key) for key, _ in many] == [b"there" if key == "pool/3" else body for key, body in many]
    assert store.put_many_new(many) == [False] * 40
    assert store.put_many_new([]) == []
    assert store.head("pool/7").content_type == content_type("pool/7")


def test_an_error_among_many_new_objects_is_raised(store):
    with pytest.raises(ObjectNotFound):
        store.put_many_new([("pool/1", b"1"), ("pool/../../2", b"2")])
