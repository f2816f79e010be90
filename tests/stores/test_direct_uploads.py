"""Parts that are sent to a bucket by signed addresses, and what is made of them: the file that was said, or nothing."""

import hashlib
import hmac
import os
import uuid
from urllib.parse import parse_qs, quote, urlsplit

import httpx
import pytest

from packages_app.core.direct_upload import PART_BYTES, PartsDiffer, PartsMissing, UploadGone, part_sizes
from packages_app.core.errors import StoreMissing
from packages_app.core.locations import FolderStore, S3Store
from packages_app.debian.deb_file import open_deb, read_deb
from packages_app.stores.open_store import open_direct_uploads
from tests.debs import build_deb

KEY = "uploads/1/tool.deb"
SIZE = PART_BYTES + 1000


@pytest.fixture(params=["moto", "ministack"])
def server(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def store(server):
    return made_at(server)


def made_at(server):
    store = open_direct_uploads(S3Store(f"b{uuid.uuid4().hex}", "some/prefix", "eu-central-1", server, ""), server)
    store.create()
    return store


def send(store, upload, number, body):
    answer = httpx.put(store.part_address(KEY, upload, number, len(body)), content=body)
    assert answer.status_code == 200, answer.text


def test_parts_become_the_object_once_all_of_them_are_there(store):
    body = os.urandom(SIZE)
    upload = store.begin_parts(KEY)
    assert [(one.key, one.upload) for one in store.begun_below("uploads/1/")] == [(KEY, upload)]
    assert store.begun_below("uploads/2/") == []
    send(store, upload, 2, body[PART_BYTES:])
    with pytest.raises(PartsMissing) as missing:
        store.complete_parts(KEY, upload, SIZE)
    assert ": 1." in missing.value.message
    assert store.head(KEY) is None
    send(store, upload, 1, body[:PART_BYTES])
    for _ in range(2):  # the answer to the first may have been lost
        store.complete_parts(KEY, upload, SIZE)
    assert (store.read(KEY), store.begun_below("")) == (body, [])
    with pytest.raises(UploadGone):
        store.complete_parts(KEY, upload, SIZE - 1)


@pytest.mark.parametrize("said", [SIZE - 1, SIZE + 1, PART_BYTES])
def test_parts_of_another_size_than_was_said_become_nothing(store, said):
    upload = store.begin_parts(KEY)
    for number, size in enumerate(part_sizes(SIZE), start=1):
        send(store, upload, number, bytes(size))
    with pytest.raises(PartsDiffer):
        store.complete_parts(KEY, upload, said)
    assert store.head(KEY) is None
    for _ in range(2):
        store.abort_parts(KEY, upload)
    with pytest.raises(UploadGone):
        store.complete_parts(KEY, upload, SIZE)
    assert (store.begun_below(""), store.head(KEY)) == ([], None)


def test_an_address_is_for_one_part_of_just_so_many_bytes_for_some_minutes_at_the_browsers_server(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    location = S3Store("bucket", "", "eu-central-1", "http://127.0.0.1:1", "")
    store = open_direct_uploads(location, "https://s3.example.org")
    parts = urlsplit(store.part_address(KEY, "the-upload", 3, 5))
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"https://s3.example.org/bucket/{KEY}"
    assert (said["uploadId"], said["partNumber"], said["X-Amz-Expires"]) == ("the-upload", "3", "300")
    assert said["X-Amz-Signature"] == signature(parts, said, length=5)
    assert said["X-Amz-Signature"] != signature(parts, said, length=6)


def signature(parts, said, *, length):
    """Give what a server holds an address against: "Authenticating requests: using query parameters", S3 API."""
    query = "&".join(f"{name}={quote(said[name], safe='')}" for name in sorted(said) if name != "X-Amz-Signature")
    headers = f"content-length:{length}\nhost:{parts.netloc}\n"
    asked = f"PUT\n{parts.path}\n{query}\n{headers}\ncontent-length;host\nUNSIGNED-PAYLOAD"
    day, *scope = said["X-Amz-Credential"].split("/")[1:]
    hashed = hashlib.sha256(asked.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", said["X-Amz-Date"], "/".join((day, *scope)), hashed))
    key = b"AWS4secret"
    for step in (day, *scope, text):
        key = hmac.new(key, step.encode(), hashlib.sha256).digest()
    return key.hex()


def test_what_is_not_read_of_a_package_is_not_fetched(store, between, tmp_path):
    deb = build_deb(tmp_path, "tool", "1.0", files={"usr/share/x": os.urandom(3_000_000)})
    seen = made_at(between.address)
    seen.put(KEY, deb)
    between.headers.clear()
    with seen.open_anywhere(KEY, deb.stat().st_size) as stream:
        assert read_deb(stream, deb.stat().st_size) == open_deb(deb)
        assert stream.seek(-2, os.SEEK_END) == deb.stat().st_size - 2
        assert stream.read() == deb.read_bytes()[-2:]
    ranges = [headers["range"].removeprefix("bytes=").split("-") for headers in between.headers if "range" in headers]
    assert sum(int(end) + 1 - int(start) for start, end in ranges) < 1_000_000
    assert len(ranges) <= 3


def test_a_folder_takes_no_parts_and_who_may_not_is_told_the_right(tmp_path, between):
    assert open_direct_uploads(FolderStore(tmp_path), "https://s3.example.org") is None
    location = S3Store("bucket", "", "eu-central-1", between.address, "")
    assert open_direct_uploads(location, "") is None
    between.faults["GET"] = [(403, "AccessDenied")] * 2
    store = open_direct_uploads(location, "https://s3.example.org")
    with pytest.raises(StoreMissing) as refused:
        store.begun_below("")
    assert "ListBucketMultipartUploads" in refused.value.remedy
    with pytest.raises(StoreMissing) as refused:
        store.complete_parts(KEY, "upload", 5)
    assert "ListMultipartUploadParts" in refused.value.remedy
