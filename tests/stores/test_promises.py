"""Servers that ignore what we rely on are found by the probe, by name (other servers, and moto made to ignore it)."""

import os
import uuid

import pytest

from packages_app.core.errors import ObjectChanged, ObjectExists, StoreMissing, StoreUnfit
from packages_app.core.locations import FolderStore, S3Store
from packages_app.stores.open_store import open_store
from packages_app.stores.promises import check_promises

REGION = "eu-central-1"


def bucket_at(server, prefix=""):
    store = open_store(S3Store(f"b{uuid.uuid4().hex}", prefix, REGION, server, ""))
    store.create()
    return store


def broken_at(store):
    with pytest.raises(StoreUnfit) as unfit:
        store.probe()
    assert unfit.value.code == "store_unfit"
    return unfit.value.broken


@pytest.mark.parametrize("prefix", ["", "some/prefix"])
def test_a_server_that_keeps_conditions_is_taken_and_nothing_is_left(ministack, prefix):
    store = bucket_at(ministack, prefix)
    store.put("dists/stable/InRelease", b"in place")
    assert store.probe()
    assert list(store.keys("")) == [("dists/stable/InRelease", 8)]


def test_a_server_that_knows_no_conditions_is_refused_by_all_their_names_and_nothing_is_left(s3rver):
    store = bucket_at(s3rver)
    assert broken_at(store) == (
        "If-None-Match of PutObject is ignored",
        "If-Match of PutObject is ignored",
        "If-Match of PutObject is ignored for a key that is not there",
        "If-Match of GetObject is ignored",
        "If-None-Match of CompleteMultipartUpload is ignored",
    )
    assert list(store.keys("")) == []


@pytest.mark.parametrize(
    ("ignored", "broken"),
    [
        (("PUT", "if-none-match"), ("If-None-Match of PutObject is ignored",)),
        (("POST", "if-none-match"), ("If-None-Match of CompleteMultipartUpload is ignored",)),
        (("GET", "if-match"), ("If-Match of GetObject is ignored",)),
        (("PUT", "x-amz-metadata-directive"), ("MetadataDirective of CopyObject is ignored",)),
        (
            ("PUT", "if-match"),
            ("If-Match of PutObject is ignored", "If-Match of PutObject is ignored for a key that is not there"),
        ),
    ],
)
def test_each_header_that_a_server_ignores_is_named(bucket, between, ignored, broken):
    between.ignored = {ignored}
    assert broken_at(bucket) == broken
    between.ignored = set()
    assert list(bucket.keys("")) == []
    assert bucket.probe()


def test_a_server_that_says_itself_that_it_knows_no_condition_is_no_passing_fault(bucket, between):
    between.faults["PUT"] = [(501, "NotImplemented")] * 3
    assert broken_at(bucket) == ("If-None-Match of PutObject is not known (NotImplemented)",)


def test_without_the_right_to_remove_nothing_is_written(bucket, between):
    between.faults["DELETE"] = [(403, "AccessDenied")]
    with pytest.raises(StoreMissing) as missing:
        bucket.probe()
    assert "s3:DeleteObject" in missing.value.remedy
    assert between.seen["PUT"] == 1  # which made the bucket
    assert list(bucket.keys("")) == []


def test_what_the_probe_wrote_is_removed_after_an_error(bucket, between):
    between.faults["HEAD"] = [(403, "AccessDenied")]
    with pytest.raises(StoreMissing):
        bucket.probe()
    assert list(bucket.keys("")) == []


def test_a_folder_is_tried_too_and_nothing_is_left(tmp_path):
    store = open_store(FolderStore(tmp_path / "bucket"))
    store.create()
    assert store.probe()
    assert list(store.keys("")) == []


class Faulty:
    """A folder's store, one of whose calls does otherwise than it says."""

    def __init__(self, store, **calls):
        self._store, self._calls = store, calls

    def __getattr__(self, name):
        real = getattr(self._store, name)
        call = self._calls.get(name)
        return real if call is None else lambda *given, **named: call(real, *given, **named)


def refuses_new(put, *given, if_none_match=False, **named):
    if if_none_match:
        raise ObjectExists("It is there.", remedy="None.")
    return put(*given, **named)


def refuses_known(put, *given, if_match=None, **named):
    if if_match is not None:
        raise ObjectChanged("It changed.", remedy="None.")
    return put(*given, **named)


@pytest.mark.parametrize(
    ("calls", "broken"),
    [
        ({"put": refuses_new}, "If-None-Match of PutObject is refused for a new key"),
        ({"put": refuses_known}, "If-Match of PutObject is refused for the ETag in place"),
        (
            {"read_with_etag": lambda read, key: (read(key)[0], "another")},
            "GetObject gives other bytes, or another ETag, than PutObject wrote",
        ),
        ({"read": lambda _read, _key: b"before"}, "GetObject gives other bytes than PutObject wrote"),
        ({"head": lambda _head, _key: None}, "HeadObject lacks what PutObject wrote, or gives the ETag before it"),
        ({"keys": lambda _keys, _prefix: iter(())}, "ListObjectsV2 lacks what was just written"),
        ({"delete": lambda _delete, _key: None}, "DeleteObject leaves what it removed"),
    ],
)
def test_each_call_that_does_otherwise_is_named(tmp_path, calls, broken):
    store = open_store(FolderStore(tmp_path / "bucket"))
    store.create()
    with pytest.raises(StoreUnfit) as unfit:
        check_promises(Faulty(store, **calls), "folder")
    assert broken in unfit.value.broken


LEFT = f"probe-{'a' * 32}"


def test_what_killed_trials_left_goes_with_the_next_and_nothing_else(tmp_path):
    store = open_store(FolderStore(tmp_path / "bucket"))
    store.create()
    for key in (LEFT, f"{LEFT}-copy", f"probe-{'b' * 32}", "probe-of-the-well.pdf", "probe-1"):
        store.put(key, b"left")
    for key in (LEFT, f"{LEFT}-copy", "probe-of-the-well.pdf"):
        os.utime(tmp_path / "bucket" / key, (0, 0))
    assert store.probe()
    assert [key for key, _ in store.keys("")] == ["probe-1", f"probe-{'b' * 32}", "probe-of-the-well.pdf"]
