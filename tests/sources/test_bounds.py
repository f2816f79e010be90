"""What upstream says is bounded in time, bytes and parts, and each entry of it fails alone."""

import socket
import threading
from contextlib import contextmanager
from functools import partial

import pytest

from packages_app.core.errors import UpstreamError, UpstreamUnavailable
from packages_app.core.ports import Silent
from packages_app.core.storable_text import storable
from packages_app.sources.checksum_files import ChecksumFiles
from packages_app.sources.connections import TookTooLong
from packages_app.sources.download import Fetcher, Limits, read_json
from packages_app.sources.github_api import GitHubApi
from packages_app.sources.github_listing import read_releases
from packages_app.sources.release_tags import is_pre_release, version_of_tag
from tests.feeds import METADATA, Fault, Feed
from tests.github_server import GitHub
from tests.sources.test_sources import Noting, source_of
from tests.stack import LOOPBACK

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
ASSET = {"name": "t.deb", "state": "uploaded", "size": 1, "url": "https://a.example/1", "digest": None,
         "browser_download_url": "https://a.example/t.deb"}  # fmt: skip
RELEASE = {"tag_name": "v1", "draft": False, "prerelease": False, "published_at": None, "body": "", "assets": [ASSET]}


@contextmanager
def dripping(begin):
    """Serve `begin` at once and then a byte each hundredth of a second, without end; gives the address."""
    server = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def answer():
        while not ended.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    def drip(connection):
        with connection:
            try:
                connection.sendall(begin)
                while not ended.wait(0.01):
                    connection.sendall(b"x")
            except OSError:
                return

    threading.Thread(target=answer, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/file"
    finally:
        ended.set()
        server.close()


@pytest.mark.parametrize("begin", [HEAD, HEAD[:-4] + b"\r\nX-Odd: ", b"", b"HTTP/1.1 200 OK\r\n"])
@pytest.mark.parametrize("kind", ["document", "file"])
def test_a_server_that_drips_gains_no_time(tmp_path, begin, kind):
    fetcher = Fetcher(Limits(wait=0.01, connect=5, read=5, overall=0.3, small=0.3), allowed_private=LOOPBACK)
    fetch = fetcher.get_json
    if kind == "file":
        fetch = partial(fetcher.download, target=tmp_path / "file", limit_bytes=10**9, progress=Silent())
    with dripping(begin) as url, pytest.raises(TookTooLong) as failed:
        fetch(url)
    assert url in failed.value.message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 250_000 + b"[]]",
        b"[" + b"{}," * 250_000 + b"{}]",
        b"[" + b"1," * 2_100_000 + b"1]",
        b"[" * 300_000,
    ],
)
def test_a_document_of_very_many_parts_is_refused_before_it_is_made(body):
    with pytest.raises(UpstreamError, match="more than anybody reads"):
        read_json("https://vendor.example.org/feed.json", body)


def test_a_document_that_is_too_large_is_refused(tmp_path):
    with Feed() as feed:
        feed.files[METADATA] = b" " * (4 * 1024 * 1024 + 1)
        source = source_of(tmp_path, feed.endpoint, Fetcher(Limits(wait=0.01), allowed_private=LOOPBACK))
        with pytest.raises(UpstreamError, match="larger than 4194304"):
            source.offers(Silent())


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud800", "\ufffd"),
        (r"a\udfffb", "a\ufffdb"),
        (r"\ud83d\ude00", "\N{GRINNING FACE}"),
        (r"\ud83d\ud83d\ude00", "\ufffd\N{GRINNING FACE}"),
        (r"\\ud800", r"\ud800"),
        (r"\u0000\u0001\u001f\u007f\b\f", "\ufffd" * 6),
        (r"\t\n\u0009\u000a", "\t\n\t\n"),
        (r"one\r\ntwo\rthree", "one\ntwo\nthree"),
        (r"\u00e4\"\/", 'ä"/'),
    ],
)
def test_a_documents_texts_are_such_as_every_store_takes(written, read):
    [text] = read_json("https://vendor.example.org", f'["{written}"]'.encode())
    assert text == read
    assert storable(text) == text
    text.encode()


def test_bytes_that_are_no_utf_8_are_replaced():
    assert read_json("https://vendor.example.org", b'["\xed\xa0\x80\xff"]') == ["\ufffd" * 4]


@pytest.mark.parametrize("url", ["http://[", "http://a.example:port/x.deb", "file:///x", "x" * 5000, 5])
def test_an_address_that_cannot_be_parsed_hides_no_other_entry(tmp_path, url):
    good = {"version": "1.0", "url": "x.deb"}
    with Feed() as feed:
        source = source_of(tmp_path, feed.endpoint, Fetcher(Limits(wait=0.01), allowed_private=LOOPBACK))
        nested = [{"version": "2.0", "updateTo": {"url": url}}, {"version": "1.0", "updateTo": good}]
        for document in ([{"version": "2.0", "url": url}, good], {"releases": nested}):
            feed.serve(document)
            progress = Noting()
            assert [offer.version for offer in source.offers(progress)] == ["1.0"]
            assert [level for level, _ in progress.notes] == ["warning"]


@pytest.mark.parametrize(
    "bad",
    [
        {**RELEASE, "assets": [{**ASSET, "browser_download_url": "http://["}, ASSET]},
        {**RELEASE, "assets": [{**ASSET, "name": "n" * 300}, ASSET]},
        {**RELEASE, "assets": [None, ASSET]},
        {**RELEASE, "assets": [{**ASSET, "size": "5"}, ASSET]},
        {**RELEASE, "tag_name": "t" * 300},
        {**RELEASE, "assets": [ASSET] * 1001},
        None,
        {},
    ],
)
def test_a_release_or_asset_that_is_not_as_documented_fails_alone(bad):
    releases, faults = read_releases([bad, RELEASE], "page")
    assert [asset.name for asset in releases[-1].assets] == ["t.deb"]
    assert len(faults) == 1


def test_a_list_of_very_many_releases_is_refused(tmp_path):
    with Feed() as feed:
        source = source_of(tmp_path, feed.endpoint, Fetcher(Limits(wait=0.01), allowed_private=LOOPBACK))
        for document in ([{}] * 10_001, {"releases": [{}] * 10_001}):
            feed.serve(document)
            with pytest.raises(UpstreamError, match="10001"):
                source.offers(Silent())


def test_all_pages_of_a_list_have_one_deadline():
    with GitHub() as github:
        github.release("v1.0", ("tool_1.0_amd64.deb", b"deb"))

        def releases(limits):
            return GitHubApi(github.url, "owner/tool", Fetcher(limits, allowed_private=LOOPBACK)).releases(
                Silent(), lambda each: each
            )

        assert [release.tag for release in releases(Limits())] == ["v1.0"]
        with pytest.raises(TookTooLong, match="releases"):
            releases(Limits(listing=0.0))
        assert len(github.listings()) == 1


def test_each_of_a_thousand_files_has_its_own_checksum_file_and_the_lists():
    names = [f"t{number}.deb" for number in range(500)]
    files = ChecksumFiles([*names, *(f"{name}.sha256" for name in names), "SHA256SUMS"])
    assert all(files.of(name) == {f"{name}.sha256", "SHA256SUMS"} for name in names)


def download_of_a_file_that_is_replaced(feed, tmp_path):
    """Cut a download off, and let the feed have another file by the time that the rest is asked for; gives both."""
    old, new = b"a" * 3_000_000, b"b" * 3_000_000
    feed.files["/file"], feed.faults["/file"] = old, Fault(cut_after=2_000_000)
    fetcher = Fetcher(
        Limits(wait=0.01), sleep=lambda _seconds: feed.files.update({"/file": new}), allowed_private=LOOPBACK
    )
    fetcher.download(f"{feed.url}/file", tmp_path / "file", limit_bytes=10**7, progress=Silent())
    return (tmp_path / "file").read_bytes(), new


def test_the_rest_of_another_file_is_not_appended(tmp_path):
    with Feed() as feed:
        feed.heeds_if_range = False
        got, new = download_of_a_file_that_is_replaced(feed, tmp_path)
    assert got == new


def test_the_rest_is_asked_for_on_the_condition_that_it_is_of_the_same_file(tmp_path):
    """A server that doesn't say what its 206 is a part of: only the condition of the request tells the files apart."""
    with Feed() as feed:
        feed.names_rest = False
        got, new = download_of_a_file_that_is_replaced(feed, tmp_path)
        assert [bool(span) for path, span in feed.requests if path == "/file"] == [False, True]
    assert got == new


def test_a_rest_that_comes_in_parts_is_asked_for_to_its_end(tmp_path):
    with Feed() as feed:
        feed.files["/file"] = body = b"a" * 2_000_000 + b"b" * 2_000_000
        feed.faults["/file"], feed.most_of_rest = Fault(cut_after=2_000_000), 1_500_000
        fetcher = Fetcher(Limits(wait=0.01), allowed_private=LOOPBACK)
        fetcher.download(f"{feed.url}/file", tmp_path / "file", limit_bytes=10**7, progress=Silent())
    assert (tmp_path / "file").read_bytes() == body


def test_a_part_that_nobody_asked_for_is_no_file(tmp_path):
    with Feed() as feed:
        feed.files["/file"] = b"a" * 100
        feed.faults["/file"] = Fault(status=206, headers={"Content-Range": "bytes 0-18/100"}, times=3)
        fetcher = Fetcher(Limits(wait=0.01), allowed_private=LOOPBACK)
        with pytest.raises(UpstreamUnavailable):
            fetcher.download(f"{feed.url}/file", tmp_path / "file", limit_bytes=10**7, progress=Silent())
    assert list(tmp_path.iterdir()) == []


def test_a_length_that_is_no_number_is_no_crash(tmp_path):
    answer = b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    server = socket.create_server(("127.0.0.1", 0))
    with server:

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer.replace(b"1.0", b"1.1"))

        threading.Thread(target=serve, daemon=True).start()
        fetcher = Fetcher(Limits(wait=0.01), allowed_private=LOOPBACK)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/file"
        assert fetcher.download(url, tmp_path / "file", limit_bytes=100, progress=Silent()).size == 3


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.0a1", "1.2.0~a1"), ("v1.2.0b2", "1.2.0~b2"), ("v1.2.0-M1", "1.2.0~M1"), ("1.2.0-ea", "1.2.0~ea"),
        ("1.2.0-next.0", "1.2.0~next.0"), ("1.2.0-insider", "1.2.0~insider"), ("1.2-nightly", "1.2~nightly"),
        ("1.2-eap3", "1.2~eap3"), ("1.2.0-milestone.2", "1.2.0~milestone.2"), ("1.2-unstable", "1.2~unstable"),
        ("1.2-test1", "1.2~test1"), ("1.2-edge", "1.2~edge"), ("1.2.0-a1", "1.2.0~a1"), ("1.2.0-b.2", "1.2.0~b.2"),
        ("1.2.0.M3", "1.2.0~M3"), ("1.2.0c1", "1.2.0~c1"), ("1.2.0.CR2", "1.2.0~CR2"), ("1.2-devel", "1.2~devel"),
        ("1.2.0-prerelease", "1.2.0~prerelease"), ("1.2.0-early-access", "1.2.0~early-access"),
        ("1.2.0-candidate.1", "1.2.0~candidate.1"), ("1.2.0-wip", "1.2.0~wip"),
    ],
)  # fmt: skip
def test_a_pre_release_sorts_before_what_it_leads_to(tag, version):
    assert is_pre_release(tag)
    assert version_of_tag(tag) == version


@pytest.mark.parametrize(
    "tag",
    [
        "1.0.2k",
        "1.2.0-1",
        "v2.0",
        "1.2a",
        "1.0b",
        "1.2.0-M",
        "1.2.0-a1b2c3d",
        "2026.11.1",
        "1.2.0-latest",
        "1.2.0-hotfix",
        "1.2.0-post1",
        "1.2.0-lts",
    ],
)
def test_a_release_is_no_pre_release(tag):
    assert not is_pre_release(tag)
