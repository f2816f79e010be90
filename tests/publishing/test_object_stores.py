"""What the port promises, kept by both stores (R11, P12, P16, P17)."""

import os
import threading
import uuid

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import (
    ImmutableObjectConflict,
    ObjectChanged,
    ObjectExists,
    ObjectNotFound,
    StoreMissing,
    StoreUnavailable,
)
from packages_app.core.layout import cache_control, content_type
from packages_app.core.locations import FolderStore, S3Store
from packages_app.publishing.immutable import put_immutable
from packages_app.publishing.open_store import open_store
from tests.servers import free_port

ODD = "pool/main/g/g++/g++_1:2.0~rc1+b1_amd64.deb"


@pytest.fixture(params=["folder", "s3"])
def unmade(request, tmp_path):
    if request.param == "folder":
        return open_store(FolderStore(tmp_path / "bucket"))
    server = request.getfixturevalue("moto")
    return open_store(S3Store(f"b{uuid.uuid4().hex}", "some/prefix", "eu-central-1", server, "public-read"))


@pytest.fixture
def store(unmade):
    assert unmade.create() is True
    assert unmade.create() is False
    return unmade


def test_an_object_comes_back_with_type_and_cache_header(store):
    info = store.put(ODD, b"bytes")
    assert store.read(ODD) == b"bytes"
    assert store.head(ODD) == info
    assert (info.key, info.size) == (ODD, 5)
    assert (info.content_type, info.cache_control) == (content_type(ODD), cache_control(ODD))
    assert "can be written" in store.probe()


def test_a_file_is_stored_as_it_is(store, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(os.urandom(3_000_000))
    store.put("pool/large.deb", path)
    with store.open("pool/large.deb") as stream:
        assert stream.read() == path.read_bytes()


def test_what_is_not_there(store):
    assert store.head("nothing") is None
    for call in (store.read, store.open, lambda key: store.copy(key, "x", metadata={})):
        with pytest.raises(ObjectNotFound):
            call("nothing")
    store.delete("nothing")


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


def test_a_copy_has_the_bytes_and_metadata_of_its_own(store):
    store.put(ODD, b"bytes")
    info = store.copy(ODD, "tool.deb", metadata={"version": "1:2.0~rc1+b1", "package": "g++"})
    assert info.metadata == {"version": "1:2.0~rc1+b1", "package": "g++"}
    assert store.head("tool.deb").content_type == "application/vnd.debian.binary-package"
    store.put(ODD, b"other")
    assert store.read("tool.deb") == b"bytes"
    store.put("tool.deb", b"plain")
    assert store.head("tool.deb").metadata == {}


def test_keys_are_listed_by_prefix_in_order(store):
    for key in ("pool/b~1.deb", "pool/a+b.deb", "dists/x", "poolside"):
        store.put(key, b"12")
    assert list(store.keys("pool/")) == [("pool/a+b.deb", 2), ("pool/b~1.deb", 2)]
    assert [key for key, _ in store.keys("")] == ["dists/x", "pool/a+b.deb", "pool/b~1.deb", "poolside"]
    store.delete("pool/b~1.deb")
    assert list(store.keys("pool/")) == [("pool/a+b.deb", 2)]


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


def test_an_immutable_object_is_written_once(store):
    body = b"index"
    assert put_immutable(store, "by-hash/x", body, checksums_of_bytes(body)) is True
    assert put_immutable(store, "by-hash/x", body, checksums_of_bytes(body)) is False
    with pytest.raises(ImmutableObjectConflict, match=checksums_of_bytes(body).sha256):
        put_immutable(store, "by-hash/x", b"other", checksums_of_bytes(b"other"))
    assert store.read("by-hash/x") == body


def test_a_missing_store_is_named_with_the_remedy(unmade):
    for call in (lambda: unmade.put("a", b"x"), lambda: unmade.read("a"), unmade.probe):
        with pytest.raises(StoreMissing) as missing:
            call()
        assert "create_storage" in missing.value.remedy


def test_a_server_that_is_away_is_an_error_that_can_be_tried_again():
    away = open_store(S3Store("bucket", "", "eu-central-1", f"http://127.0.0.1:{free_port()}", ""))
    with pytest.raises(StoreUnavailable) as unavailable:
        away.head("a")
    assert unavailable.value.retryable


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", ".hidden", "a/.hidden/b", "a//b", "a\0b", ""])
def test_a_key_never_leaves_the_folder(tmp_path, key):
    store = open_store(FolderStore(tmp_path / "bucket"))
    store.create()
    for call in (store.read, store.head, store.delete, lambda key: store.put(key, b"x")):
        with pytest.raises(ObjectNotFound):
            call(key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bucket"]


def test_files_of_a_folder_can_be_read_by_a_web_server(tmp_path):
    before = os.umask(0o077)
    try:
        store = open_store(FolderStore(tmp_path / "bucket"))
        store.create()
        store.put("dists/stable/InRelease", b"x")
    finally:
        os.umask(before)
    path = tmp_path / "bucket/dists/stable/InRelease"
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert not list((tmp_path / "bucket/.repomgr/tmp").iterdir())


def test_p17_what_clients_fetch_is_public_and_staging_is_not(moto):
    names = [f"b{uuid.uuid4().hex}" for _ in range(2)]
    for name, acl in zip(names, ("public-read", ""), strict=True):
        store = open_store(S3Store(name, "", "eu-central-1", moto, acl))
        store.create()
        store.put("a", b"x")
        store.copy("a", "b", metadata={})
    for key in ("a", "b"):
        assert httpx.get(f"{moto}/{names[0]}/{key}").status_code == 200
        assert httpx.get(f"{moto}/{names[1]}/{key}").status_code == 403


segments = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9+~:._-]{0,12}", fullmatch=True)


@settings(max_examples=100)
@given(st.lists(segments, min_size=1, max_size=4).map("/".join), st.binary(max_size=50))
def test_p12_p16_any_key_is_a_regular_object_with_content_and_type(tmp_path_factory, key, body):
    store = open_store(FolderStore(tmp_path_factory.mktemp("store")))
    store.create()
    info = store.put(key, body)
    assert store.read(key) == body
    assert (info.size, info.content_type) == (len(body), content_type(key))
    assert list(store.keys("")) == [(key, len(body))]
