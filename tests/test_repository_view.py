"""The repository over HTTP, as a plain web server would give it."""

import subprocess
import urllib.request
from pathlib import Path

import pytest

from packages_app.core.locations import FolderStore
from packages_app.repository_view import serve_object
from packages_app.stores.open_store import open_store

URL = "/repository/pool/main/t/tool/tool_1.0+b~1_amd64.deb"
KEY = URL.removeprefix("/repository/")


@pytest.fixture
def stored(embedded):
    embedded.bucket.put(KEY, b"0123456789")
    embedded.bucket.put("index.html", b"<html>")
    return embedded


def body(response):
    return response.getvalue()


def test_an_object_has_its_headers(stored, client):
    response = client.get(URL)
    assert (response.status_code, body(response)) == (200, b"0123456789")
    assert response["Content-Type"] == "application/vnd.debian.binary-package"
    assert response["Content-Length"] == "10"
    assert "immutable" in response["Cache-Control"]
    assert response["Accept-Ranges"] == "bytes"
    assert response["ETag"]
    assert response["Last-Modified"]


def test_head_has_no_body(stored, client):
    response = client.head(URL)
    assert (response.status_code, response["Content-Length"], response.content) == (200, "10", b"")
    whole = client.get(URL)
    for name in ("Content-Type", "ETag", "Last-Modified", "Cache-Control", "Accept-Ranges"):
        assert response[name] == whole[name]


def test_a_range_is_for_get_only(stored, client):
    response = client.head(URL, headers={"Range": "bytes=2-4"})
    assert (response.status_code, response["Content-Length"]) == (200, "10")


@pytest.mark.parametrize(
    ("asked", "status", "content", "span"),
    [
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-3", 206, b"789", "bytes 7-9/10"),
        ("bytes=-99", 206, b"0123456789", "bytes 0-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=10-", 416, b"", "bytes */10"),
        ("bytes=-0", 416, b"", "bytes */10"),
        ("bytes=4-2", 200, b"0123456789", ""),
        ("bytes=0-1,3-4", 200, b"0123456789", ""),
        ("bytes=-", 200, b"0123456789", ""),
        ("lines=1-2", 200, b"0123456789", ""),
        ("BYTES=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=1-x", 200, b"0123456789", ""),
        ("bytes=+1-2", 200, b"0123456789", ""),
        ("bytes=" + "9" * 18 + "-", 416, b"", "bytes */10"),
        ("bytes=" + "9" * 5000 + "-", 200, b"0123456789", ""),
    ],
)
def test_ranges(stored, client, asked, status, content, span):
    response = client.get(URL, headers={"Range": asked})
    assert response.status_code == status
    assert body(response) == content
    assert response.headers.get("Content-Range", "") == span


def test_conditional_requests(stored, client):
    first = client.get(URL)
    assert client.get(URL, headers={"If-None-Match": first["ETag"]}).status_code == 304
    assert client.get(URL, headers={"If-Modified-Since": first["Last-Modified"]}).status_code == 304
    assert client.get(URL, headers={"Range": "bytes=1-2", "If-Range": first["ETag"]}).status_code == 206
    assert client.get(URL, headers={"Range": "bytes=1-2", "If-Range": first["Last-Modified"]}).status_code == 206
    assert client.get(URL, headers={"Range": "bytes=1-2", "If-Range": '"other"'}).status_code == 200
    assert client.get(URL, headers={"Range": "bytes=1-2", "If-Range": f"W/{first['ETag']}"}).status_code == 200
    assert client.get(URL, headers={"If-Match": '"other"'}).status_code == 412
    stored.bucket.delete(KEY)
    stored.bucket.put(KEY, b"other")
    assert client.get(URL, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_a_304_is_fresh_for_as_long_as_the_object_and_a_refusal_is_not(stored, client):
    whole = client.get(URL)
    unchanged = client.get(URL, headers={"If-None-Match": whole["ETag"]})
    assert (unchanged["Cache-Control"], unchanged["ETag"]) == (whole["Cache-Control"], whole["ETag"])
    assert not unchanged.content
    for asked in ({"Range": "bytes=99-"}, {"If-Match": '"other"'}):
        assert "Cache-Control" not in client.get(URL, headers=asked)


def test_nothing_ties_an_answer_to_a_visitor(stored, client, admin_client):
    for visitor in (client, admin_client):
        response = visitor.get(URL)
        assert not response.cookies
        assert "Vary" not in response
        assert "Content-Encoding" not in response


def test_an_empty_object_is_served_and_has_no_range(stored, client):
    stored.bucket.put("dists/empty", b"")
    assert body(client.get("/repository/dists/empty")) == b""
    assert client.get("/repository/dists/empty", headers={"Range": "bytes=0-"}).status_code == 416


def test_an_object_replaced_while_it_is_sent_is_sent_to_its_end(stored, client):
    stored.bucket.put("dists/x", b"1" * 1_000_000)
    response = client.get("/repository/dists/x")
    chunks = iter(response.streaming_content)
    begun = next(chunks)
    stored.bucket.put("dists/x", b"2" * 5)
    assert begun + b"".join(chunks) == b"1" * 1_000_000


def test_a_visitor_who_leaves_at_once_leaves_no_file_open(stored, rf):
    kept = [serve_object(rf.get("/"), stored.bucket, KEY) for _ in range(3)]
    path = stored.home / "bucket" / KEY
    assert open_files(path) == 3
    for response in kept:
        response.close()
    assert open_files(path) == 0


def open_files(path):
    links = [link for link in Path("/proc/self/fd").iterdir() if link.exists()]
    return sum(link.resolve() == path.resolve() for link in links)


def test_the_root_is_the_instructions_page(stored, client):
    response = client.get("/repository/")
    assert body(response) == b"<html>"
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", [
    "absent", "pool/", "pool", "index.html/", "dists/index.html", ".repomgr/lock", "pool/.hidden", "../secret-key",
    "pool/%2e%2e/%2e%2e/x", "/etc/passwd", "%00", "x" * 300, f"{KEY}/x",
])  # fmt: skip
def test_what_is_no_object_is_not_found(stored, client, path):
    assert client.get(f"/repository/{path}").status_code == 404


def test_nothing_can_be_written(stored, client):
    assert client.post(URL).status_code == 405
    assert client.put(URL).status_code == 405


def test_a_store_that_is_away_is_not_available(tmp_path, rf):
    response = serve_object(rf.get("/"), open_store(FolderStore(tmp_path / "absent")), KEY)
    assert response.status_code == 503


def curl(*arguments):
    return subprocess.run(["curl", "--silent", "--show-error", *arguments], capture_output=True, check=True).stdout


def test_curl_fetches_resumes_and_asks_again_over_http(live_server, stored, tmp_path):
    content = bytes(range(256)) * 4000
    stored.bucket.put("pool/large+1~2.deb", content, if_none_match=True)
    url = f"{live_server.url}/repository/pool/large+1~2.deb"
    assert curl(url) == content
    assert curl("--range", "1000-1999", url) == content[1000:2000]
    assert curl("--range", "-5", url) == content[-5:]
    part, etag = tmp_path / "part", tmp_path / "etag"
    part.write_bytes(content[:300_000])
    curl("--continue-at", "-", "--output", str(part), url)
    assert part.read_bytes() == content
    curl("--etag-save", str(etag), "--output", str(part), url)
    assert curl("--etag-compare", str(etag), "--write-out", "%{http_code} %{size_download}", url) == b"304 0"
    head = curl("--head", url).decode().lower()
    assert f"content-length: {len(content)}\r\n" in head
    assert "transfer-encoding" not in head


def test_a_range_over_http_is_no_longer_than_asked_for(live_server, stored):
    asked = urllib.request.Request(f"{live_server.url}{URL}", headers={"Range": "bytes=2-4"})
    with urllib.request.urlopen(asked) as answer:
        assert (answer.status, answer.headers["Content-Length"], answer.read()) == (206, "3", b"234")


def test_a_bucket_elsewhere_is_pointed_to(stored, client, settings):
    settings.EMBEDDED_BUCKET = False
    assert client.get(URL).url == f"https://apt.example.org/{KEY.replace('+', '%2B')}"


def test_health(client, db):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/").url == "/admin/"


def test_addresses_of_snapshots_are_answered_by_the_state_at_that_time(embedded, client):
    by_hash = "main/binary-amd64/by-hash/SHA256/ab"
    for key in (
        "dists/stable/snapshots/q4/InRelease", f"dists/stable/snapshots/q4/{by_hash}", f"dists/stable/{by_hash}",
        "dists/stable/snapshots/20261102T000000Z/InRelease", "dists/stable/snapshots/20261104T000000Z/InRelease",
        "pool/main/t/tool/tool_1_all.deb", "dists/stable/main/binary-amd64/Packages",
    ):  # fmt: skip
        held = b"Snapshot-Of: 20261103T000000Z-0123\n" if "/q4/InRelease" in key else b""
        embedded.bucket.put(key, held + key.encode())

    def of(snapshot, name="InRelease"):
        response = client.get(f"/repository/snapshots/{snapshot}/dists/stable/{name}")
        return body(response).decode().splitlines()[-1] if response.status_code == 200 else response.status_code

    assert of("q4") == "dists/stable/snapshots/q4/InRelease"
    assert of("q4", by_hash) == f"dists/stable/snapshots/q4/{by_hash}"
    assert of("20261103T120000Z") == "dists/stable/snapshots/q4/InRelease"
    assert of("20261103T120000Z", by_hash) == f"dists/stable/snapshots/q4/{by_hash}"
    assert of("20261102T235959Z") == "dists/stable/snapshots/20261102T000000Z/InRelease"
    assert of("20261102T000000Z", by_hash) == f"dists/stable/{by_hash}"
    assert of("20991231T000000Z") == "dists/stable/snapshots/20261104T000000Z/InRelease"
    for snapshot, name in (("20261101T000000Z", "InRelease"), ("20261102T000000Z", "main/binary-amd64/Packages"),
                           ("20261302T000000Z", "InRelease"), ("other", "InRelease"), ("..", "InRelease")):  # fmt: skip
        assert of(snapshot, name) == 404
    response = client.get("/repository/snapshots/whatever/pool/main/t/tool/tool_1_all.deb")
    assert body(response) == b"pool/main/t/tool/tool_1_all.deb"
