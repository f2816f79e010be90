"""What the port promises, kept by both stores (R11, P12, P16, P17)."""

import os
import time
import uuid
from dataclasses import replace

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from packages_app.core.errors import (
    ObjectExists,
    ObjectNotFound,
    StoreMissing,
)
from packages_app.core.layout import cache_control, content_type, public_address
from packages_app.core.locations import FolderStore, S3Store
from packages_app.stores.local_store import LocalObjectStore
from packages_app.stores.open_store import open_store
from packages_app.stores.s3_store import S3ObjectStore
from tests.every import examples

ODD = "pool/main/g/g++/g++_1:2.0~rc1+b1_amd64.deb"


def test_an_object_comes_back_with_type_and_cache_header(store):
    info = store.put(ODD, b"bytes")
    assert store.read(ODD) == b"bytes"
    # When a bucket says "modified" is up to the server: it may be a second off the answer to the write.
    assert replace(store.head(ODD), modified=info.modified) == info
    assert (info.key, info.size) == (ODD, 5)
    assert (info.content_type, info.cache_control) == (content_type(ODD), cache_control(ODD))
    assert "can be written" in store.probe()


def test_a_file_is_stored_as_it_is(store, tmp_path):
    path = tmp_path / "large"
    path.write_bytes(os.urandom(3_000_000))
    assert store.put("pool/large.deb", path).size == 3_000_000
    with store.open("pool/large.deb") as stream:
        assert stream.read() == path.read_bytes()
    with store.open("pool/large.deb") as stream:
        assert stream.read(10) + stream.read(10) == path.read_bytes()[:20]


def test_a_body_that_is_no_file_is_no_fault_of_the_store(store, tmp_path):
    with pytest.raises(FileNotFoundError):
        store.put("a", tmp_path / "absent")
    assert store.head("a") is None


def test_what_a_killed_process_left_goes_a_day_later(tmp_path):
    now = time.time()
    today, later = (LocalObjectStore(FolderStore(tmp_path), clock=lambda day=day: now + day * 86_400) for day in (0, 2))
    today.create()
    old = tmp_path / "old.deb"
    old.write_bytes(b"package")
    os.utime(old, (1, 1))
    left = tmp_path / ".repomgr/tmp"
    (left / "draft").mkdir()
    (left / "draft/Packages").write_bytes(b"half")
    os.link(old, left / "link")
    with today.draft_folder() as own:
        assert {path.name for path in left.iterdir()} == {"draft", "link", own.name}
    with later.draft_folder() as own:
        assert [path.name for path in left.iterdir()] == [own.name]
    assert old.exists()


def test_what_is_not_there(store):
    assert store.head("nothing") is None
    for call in (store.read, store.open, lambda key: store.copy(key, "x", metadata={})):
        with pytest.raises(ObjectNotFound):
            call("nothing")
    store.delete("nothing")


def test_metadata_comes_back_with_lower_case_names_and_goes_with_its_object(store):
    assert store.put("a", b"1", metadata={"Version": "1"}, if_none_match=True).metadata == {"version": "1"}
    assert store.head("a").metadata == {"version": "1"}
    with pytest.raises(ObjectExists):
        store.put("a", b"2", metadata={"version": "2"}, if_none_match=True)
    assert store.head("a").metadata == {"version": "1"}
    store.put("a.json/b", b"1", metadata={"version": "3"})
    store.delete("a")
    store.put("a", b"1")
    assert store.head("a").metadata == {}
    assert store.head("a.json/b").metadata == {"version": "3"}


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


@pytest.mark.parametrize("prefix", ["../", "/", "/etc/", ".repomgr/", "pool//", "absent/", "pool/b~1.deb/"])
def test_a_prefix_of_nothing_lists_nothing(store, prefix):
    store.put("pool/b~1.deb", b"12", metadata={"a": "b"})
    assert list(store.keys(prefix)) == []


def test_many_keys_are_listed_over_several_pages(store):
    if isinstance(store, S3ObjectStore):
        keys = [f"pool/{number:04}" for number in range(1001)]
    else:
        keys = [f"pool/{number}" for number in range(20)]
    for key in keys:
        store.put(key, b"")
    assert [key for key, _ in store.keys("pool/")] == sorted(keys)


@pytest.mark.parametrize("count", [3, 120])
def test_sizes_are_told_of_what_is_there_few_or_many(store, count):
    keys = [f"pool/{number:03}" for number in range(count)]
    for number, key in enumerate(keys):
        store.put(key, b"x" * number)
    store.put("pool/other", b"")
    store.put("poo", b"")
    asked = [*keys, "pool/none", "absent/x", "pool", "../pool/001", ""]
    assert store.sizes_of(asked) == {key: number for number, key in enumerate(keys)}
    assert store.sizes_of([]) == {}


ODD_KEYS = ["a b", "a+b", "a~b", "a:b", "a%2Bb", "a&b=c", "a?b#c", "ä", "'\"<>", "a;b@c,d"]


def test_odd_characters_survive_writing_copying_and_listing(store):
    for key in ODD_KEYS:
        store.put(f"from/{key}", key.encode())
        store.copy(f"from/{key}", f"to/{key}", metadata={})
        assert store.read(f"to/{key}") == key.encode()
    assert [key for key, _ in store.keys("to/")] == sorted(f"to/{key}" for key in ODD_KEYS)


def test_a_missing_store_is_named_with_the_remedy(unmade):
    for call in (
        lambda: unmade.put("a", b"x"),
        lambda: unmade.read("a"),
        lambda: unmade.open("a"),
        lambda: unmade.head("a"),
        lambda: unmade.copy("a", "b", metadata={}),
        lambda: unmade.delete("a"),
        lambda: list(unmade.keys("")),
        lambda: unmade.sizes_of(["a"]),
        lambda: unmade.put_many_new([("a", b"x")]),
        lambda: unmade.read_with_etag("a"),
        lambda: unmade.as_local_file("a").__enter__(),
        unmade.probe,
    ):
        with pytest.raises(StoreMissing) as missing:
            call()
        assert "create_storage" in missing.value.remedy


LONG = "x" * 256


@pytest.mark.parametrize(
    "key", ["../x", "/etc/passwd", "a/../../x", ".hidden", "a/.hidden/b", "a//b", "a/", "a\0b", "a\nb", "", LONG]
)
def test_a_key_that_no_object_can_have_is_refused(store, key):
    for call in (store.read, store.head, store.delete, lambda key: store.put(key, b"x")):
        with pytest.raises(ObjectNotFound):
            call(key)
    with pytest.raises(ObjectNotFound):
        store.copy("a", key, metadata={})


segments = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9+~:._-]{0,12}", fullmatch=True)


@settings(max_examples=examples(100, 30))
@given(st.lists(segments, min_size=1, max_size=4).map("/".join), st.binary(max_size=50))
def test_p12_p16_any_key_is_a_regular_object_with_content_and_type(tmp_path_factory, key, body):
    store = open_store(FolderStore(tmp_path_factory.mktemp("store")))
    store.create()
    info = store.put(key, body)
    assert store.read(key) == body
    assert (info.size, info.content_type) == (len(body), content_type(key))
    assert list(store.keys("")) == [(key, len(body))]


def test_a_bucket_gives_clients_an_object_of_any_name_at_its_public_address(moto):
    bucket = S3Store(f"b{uuid.uuid4().hex}", "", "eu-central-1", moto, "public-read")
    store = open_store(bucket)
    store.create()
    for key in [ODD, *(f"pool/{key}" for key in ODD_KEYS)]:
        store.put(key, key.encode())
        assert httpx.get(public_address(f"{moto}/{bucket.bucket}", key)).content == key.encode()


def test_an_object_is_a_local_file_of_its_name_for_a_block(store):
    store.put(ODD, b"bytes")
    with store.as_local_file(ODD) as path:
        assert (path.name, path.read_bytes()) == (ODD.rpartition("/")[2], b"bytes")
        store.put(ODD, b"other")
        store.delete(ODD)
        assert path.read_bytes() == b"bytes"
    assert not path.exists()
    with pytest.raises(ObjectNotFound), store.as_local_file(ODD):
        pass


def test_a_draft_folder_is_empty_and_goes(store):
    with store.draft_folder() as folder, store.draft_folder() as other:
        assert folder != other
        assert list(folder.iterdir()) == []
        (folder / "Packages").write_bytes(b"text")
        store.put("dists/Packages", folder / "Packages")
    assert not folder.exists()
    assert [key for key, _ in store.keys("")] == ["dists/Packages"]
    assert store.read("dists/Packages") == b"text"
