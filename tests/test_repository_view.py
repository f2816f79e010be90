"""The repository over HTTP, as a plain web server would give it."""

import pytest

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
        (f"bytes={'9' * 5000}-", 200, b"0123456789", ""),
        ("lines=1-2", 200, b"0123456789", ""),
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
    stored.bucket.delete(KEY)
    stored.bucket.put(KEY, b"other")
    assert client.get(URL, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_the_root_is_the_instructions_page(stored, client):
    response = client.get("/repository/")
    assert body(response) == b"<html>"
    assert response["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["absent", "pool/", "pool", ".repomgr/lock", "../secret-key", "pool/%2e%2e/%2e%2e/x"])
def test_what_is_no_object_is_not_found(stored, client, path):
    assert client.get(f"/repository/{path}").status_code == 404


def test_nothing_can_be_written(stored, client):
    assert client.post(URL).status_code == 405
    assert client.put(URL).status_code == 405


def test_a_bucket_elsewhere_is_pointed_to(stored, client, settings):
    settings.EMBEDDED_BUCKET = False
    assert client.get(URL).url == f"https://apt.example.org/{KEY}"


def test_health(client, db):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/").url == "/admin/"
