"""A bucket over a network that fails, and what clients see of it (R11, R14, P17)."""

import base64
import hashlib
import os
import uuid
from dataclasses import replace

import boto3
import httpx
import pytest
import structlog.testing

from packages_app.core.checksums import checksums_of_bytes, checksums_of_file
from packages_app.core.errors import ObjectChanged, ObjectExists, StoreMissing, StoreUnavailable
from packages_app.core.layout import DEB_TYPE
from packages_app.core.locations import S3Store
from packages_app.stores.immutable import put_immutable
from packages_app.stores.open_store import open_store
from packages_app.stores.s3_multipart import PART_BYTES
from repomgr.servers.process import free_port
from tests.stores.failing_server import BREAK_BODY, LOSE_ANSWER


@pytest.fixture(params=["bytes", "file"])
def body(request, tmp_path):
    path = tmp_path / "body"
    path.write_bytes(b"InRelease" * 1000)
    return path if request.param == "file" else path.read_bytes()


def test_a_first_write_whose_answer_was_lost_is_a_success(bucket, between, body):
    between.faults["PUT"] = [LOSE_ANSWER]
    info = bucket.put("InRelease", body, metadata={"a": "b"}, if_none_match=True)
    assert between.seen["PUT"] == 1 + 2  # one made the bucket
    assert (bucket.head("InRelease"), bucket.read("InRelease")) == (info, b"InRelease" * 1000)


def test_a_replacement_whose_answer_was_lost_is_a_success(bucket, between, body):
    seen = bucket.put("InRelease", b"before")
    between.faults["PUT"] = [LOSE_ANSWER, LOSE_ANSWER]
    info = bucket.put("InRelease", body, if_match=seen.etag)
    assert bucket.put("InRelease", b"after", if_match=info.etag).size == 5


def test_a_conflict_met_at_the_second_try_is_still_a_conflict(bucket, between, body):
    seen = bucket.put("InRelease", b"another's")
    for conditions, error in (({"if_none_match": True}, ObjectExists), ({"if_match": '"other"'}, ObjectChanged)):
        between.faults["PUT"] = [(500, "InternalError")]
        with pytest.raises(error):
            bucket.put("InRelease", body, **conditions)
    assert bucket.head("InRelease").etag == seen.etag


def test_the_same_bytes_with_other_metadata_are_another_write(bucket, between):
    bucket.put("a", b"same", metadata={"by": "another"})
    between.faults["PUT"] = [(503, "SlowDown")]
    with pytest.raises(ObjectExists):
        bucket.put("a", b"same", metadata={"by": "us"}, if_none_match=True)


def test_an_immutable_object_whose_answer_was_lost_is_written(bucket, between, tmp_path):
    path = tmp_path / "tool.deb"
    path.write_bytes(os.urandom(100_000))
    between.faults["PUT"] = [LOSE_ANSWER]
    assert put_immutable(bucket, "pool/tool.deb", path, checksums_of_file(path)) is True
    assert checksums_of_bytes(bucket.read("pool/tool.deb")) == checksums_of_file(path)


def test_a_write_that_collided_is_sent_again(bucket, between):
    between.faults["PUT"] = [(409, "ConditionalRequestConflict")] * 2
    with structlog.testing.capture_logs() as logs:
        bucket.put("a", b"x", if_none_match=True)
    assert bucket.read("a") == b"x"
    assert [entry["code"] for entry in logs] == ["ConditionalRequestConflict"] * 2


def test_a_write_that_always_collides_can_be_tried_again_later(bucket, between):
    between.faults["PUT"] = [(409, "ConditionalRequestConflict")] * 3
    with pytest.raises(StoreUnavailable, match="ConditionalRequestConflict"):
        bucket.put("a", b"x", if_none_match=True)
    assert between.faults["PUT"] == []
    assert bucket.head("a") is None


@pytest.mark.parametrize(("fault", "tries"), [((503, "SlowDown"), 3), ((500, "InternalError"), 3), (LOSE_ANSWER, 3)])
def test_a_failing_server_is_asked_three_times_and_each_failure_is_logged(bucket, between, fault, tries):
    bucket.put("a", b"x")
    before = between.seen["GET"]
    between.faults["GET"] = [fault] * 9
    with (
        structlog.testing.capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs,
        pytest.raises(StoreUnavailable),
    ):
        bucket.read("a")
    assert between.seen["GET"] - before == tries
    assert [entry["event"] for entry in logs] == ["store_call_failed"] * 3 + ["store_call_gave_up"]
    assert {(entry["store_operation"], entry["key"]) for entry in logs} == {("get_object", "a")}


def test_a_read_goes_on_where_the_connection_broke(bucket, between):
    content = os.urandom(1_000_000)
    bucket.put("a", content)
    between.faults["GET"] = [BREAK_BODY, BREAK_BODY]
    assert bucket.read("a") == content
    ranges = [headers["range"] for headers in between.headers if "range" in headers]
    assert ranges == ["bytes=500000-", "bytes=750000-"]


def test_a_read_never_goes_on_in_another_object(bucket, between):
    bucket.put("a", b"1" * 1_000_000)
    between.faults["GET"] = [BREAK_BODY]
    with bucket.open("a") as stream:
        stream.read(10)
        bucket.put("a", b"2" * 1_000_000)
        with pytest.raises(ObjectChanged):
            stream.read()


def test_a_read_that_always_breaks_is_given_up(bucket, between):
    bucket.put("a", b"1" * 100)
    between.faults["GET"] = [BREAK_BODY] + [(500, "InternalError")] * 9
    with pytest.raises(StoreUnavailable):
        bucket.read("a")


@pytest.mark.parametrize(
    ("status", "code", "remedy"),
    [
        (403, "AccessDenied", "s3:PutObject"),
        (403, "SignatureDoesNotMatch", "clock"),
        (400, "AccessControlListNotSupported", "acl="),
        (400, "AuthorizationHeaderMalformed", "region"),
    ],
)
def test_a_refusal_names_what_cures_it(bucket, between, status, code, remedy):
    between.faults["PUT"] = [(status, code)]
    with pytest.raises(StoreMissing, match=code) as refused:
        bucket.put("a", b"x")
    assert remedy in refused.value.remedy
    assert not refused.value.retryable


def test_a_head_that_is_not_allowed_names_the_right(bucket, between):
    between.faults["HEAD"] = [(403, "")]
    with pytest.raises(StoreMissing) as refused:
        bucket.head("a")
    assert "s3:ListBucket" in refused.value.remedy


def test_a_server_that_is_away_is_an_error_that_can_be_tried_again():
    away = open_store(S3Store("bucket", "", "eu-central-1", f"http://127.0.0.1:{free_port()}", ""))
    for call in (away.create, away.probe, lambda: away.head("a"), lambda: list(away.keys(""))):
        with pytest.raises(StoreUnavailable) as unavailable:
            call()
        assert unavailable.value.retryable


def test_a_bucket_of_no_valid_name_is_no_passing_fault(moto):
    with pytest.raises(StoreMissing) as wrong:
        open_store(S3Store("no such/name", "", "eu-central-1", moto, "")).create()
    assert "URL" in wrong.value.remedy


def test_the_server_can_check_what_arrives_and_is_told_no_encoding(bucket, between):
    bucket.put("dists/stable/main/binary-amd64/Packages.gz", b"body")
    sent = between.headers[-1]
    assert sent["content-md5"] == base64.b64encode(hashlib.md5(b"body").digest()).decode()
    assert (sent["content-type"], sent.get("content-encoding")) == ("application/gzip", None)


def test_the_callers_log_has_none_of_a_listing_in_it(bucket):
    bucket.put("a", b"x")
    for _ in bucket.keys(""):
        assert "store_operation" not in structlog.contextvars.get_contextvars()


def test_what_other_tools_left_in_a_bucket_is_no_object(moto):
    name = f"b{uuid.uuid4().hex}"
    store = open_store(S3Store(name, "", "eu-central-1", moto, ""))
    store.create()
    for key in ("pool/", ".hidden", "pool//x"):
        boto3.client("s3", endpoint_url=moto).put_object(Bucket=name, Key=key, Body=b"")
    store.put("pool/x", b"1")
    assert list(store.keys("")) == [("pool/x", 1)]


def test_p17_what_clients_fetch_is_public_and_staging_is_not(moto):
    names = [f"b{uuid.uuid4().hex}" for _ in range(2)]
    for name, acl in zip(names, ("public-read", ""), strict=True):
        store = open_store(S3Store(name, "", "eu-central-1", moto, acl))
        store.create()
        store.put("a", b"x")
        store.copy("a", "b", metadata={})
    for key in ("a", "b"):
        answer = httpx.get(f"{moto}/{names[0]}/{key}")
        assert (answer.status_code, answer.content) == (200, b"x")
        assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert httpx.get(f"{moto}/{names[1]}/{key}").status_code == 403


def test_a_large_file_goes_in_parts_and_is_there_whole_or_not_at_all(bucket, between, tmp_path):
    path = tmp_path / "large.deb"
    path.write_bytes(os.urandom(PART_BYTES + 1000))
    before = between.seen["PUT"]
    info = bucket.put("pool/large.deb", path, metadata={"a": "b"}, if_none_match=True)
    assert between.seen["PUT"] == before + 2
    # The bucket dates an object of many parts at its own moment, the answer a second later at times.
    assert replace(bucket.head("pool/large.deb"), modified=info.modified) == info
    assert (info.size, info.content_type, info.metadata) == (PART_BYTES + 1000, DEB_TYPE, {"a": "b"})
    assert hashlib.sha256(bucket.read("pool/large.deb")).digest() == hashlib.sha256(path.read_bytes()).digest()
    with pytest.raises(ObjectExists):
        bucket.put("pool/large.deb", path, if_none_match=True)
    between.faults["PUT"] = [(503, "SlowDown")] * 9
    with pytest.raises(StoreUnavailable):
        bucket.put("pool/other.deb", path, if_none_match=True)
    assert bucket.head("pool/other.deb") is None
    assert bucket._client.list_multipart_uploads(Bucket=bucket._location.bucket).get("Uploads", []) == []


def test_a_small_body_is_sent_without_waiting_for_the_server_s_consent(bucket, between, tmp_path):
    """With "Expect: 100-continue" headers and body are two round trips."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"index")
    large.write_bytes(bytes(2 * 1024 * 1024))
    for body, waits in ((b"index", False), (small, False), (large, True)):
        between.headers.clear()
        bucket.put("dists/x", body)
        assert [headers.get("expect") == "100-continue" for headers in between.headers] == [waits]
