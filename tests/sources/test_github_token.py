"""The token, rate limits and faults of GitHub (R14)."""

import json
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from packages_app.core.errors import UpstreamUnavailable
from packages_app.core.source_tokens import SourceTokens
from tests.github_server import LISTING, Said
from tests.sources.github import DEB, NOW, SHA256, TOKEN, fails, versions_of
from tests.sources.test_sources import Noting
from tests.values import notes_naming, numbers_in

# The token


def test_the_token_goes_to_the_api_and_nowhere_else(github, source, tmp_path):
    github.release("v1.0", DEB, ("SHA256SUMS", f"{SHA256}  {DEB[0]}\n".encode()))
    [offer] = source(token=TOKEN).offers(Noting())
    source(token=TOKEN).fetch(offer, tmp_path, Noting())
    assert {request.headers.get("authorization") for request in github.requests} == {f"Bearer {TOKEN}"}
    assert len(github.asked("/assets/")) == 2  # a private repository's assets are had from the API only
    assert len(github.downloads.requests) == 2
    assert all("authorization" not in request.headers for request in github.downloads.requests)


def test_a_listing_that_is_redirected_elsewhere_takes_no_token_along(github, source):
    github.downloads.files["/elsewhere"] = b"[]"
    for elsewhere in (github.downloads.url, github.downloads.url.replace("127.0.0.1", "localhost")):
        github.said[LISTING] = Said(status=302, headers={"Location": f"{elsewhere}/elsewhere"})
        assert versions_of(source(token=TOKEN)) == []
    assert ["authorization" in request.headers for request in github.downloads.requests] == [False, False]
    assert all("authorization" in request.headers for request in github.requests)


def test_without_a_token_none_is_sent_and_assets_come_from_where_everybody_gets_them(github, source, tmp_path):
    github.release("v1.0", DEB)
    [offer] = source().offers(Noting())
    assert source().fetch(offer, tmp_path, Noting()).path.read_bytes() == DEB[1]
    assert all("authorization" not in request.headers for request in github.requests)
    assert github.asked("/assets/") == []


def test_an_asset_whose_api_address_is_elsewhere_gets_no_token(github, source, tmp_path):
    release = github.release("v1.0", DEB)
    release["assets"][0]["url"] = release["assets"][0]["browser_download_url"]
    [offer] = source(token=TOKEN).offers(Noting())
    source(token=TOKEN).fetch(offer, tmp_path, Noting())
    assert all("authorization" not in request.headers for request in github.downloads.requests)


@pytest.mark.parametrize(
    ("address", "host", "goes"),
    [
        ("https://api.github.com", "api.github.com", True),
        ("https://API.GitHub.com/", "api.github.com", True),
        ("http://api.github.com", "api.github.com", False),
        ("https://api.github.com.evil.example", "api.github.com", False),
        ("https://api.github.com@evil.example", "api.github.com", False),
        ("https://evil.example/api.github.com", "api.github.com", False),
        ("https://ghe.example.org/api/v3", "api.github.com", False),
        ("https://ghe.example.org/api/v3", "ghe.example.org", True),
        ("https://api.github.com", "ghe.example.org", False),
        ("http://10.0.0.1/api/v3", "10.0.0.1", False),
        ("https://ghe.example.org:8443/api/v3", "ghe.example.org", True),
        ("https://ghe.example.org:8443/api/v3", "ghe.example.org:8443", True),
        ("https://ghe.example.org/api/v3", "ghe.example.org:8443", False),
        ("http://127.0.0.1:8080", "api.github.com", False),
        ("http://127.0.0.1:8080", "127.0.0.1", True),
        ("http://127.0.0.1:8080", "127.0.0.1:8081", False),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://localhost:8080", "localhost", False),
    ],
)
def test_a_token_goes_to_the_host_that_it_is_for_over_https(address, host, goes):
    assert SourceTokens({host: TOKEN}).token_for(address) == (TOKEN if goes else "")
    assert TOKEN not in repr(SourceTokens({host: TOKEN}))


def test_a_token_that_is_for_another_host_is_not_sent_and_that_is_said(github, source):
    github.release("v1.0", DEB)
    progress = Noting()
    elsewhere = github.url.replace("127.0.0.1", "localhost")
    assert versions_of(source(token=TOKEN, api=elsewhere), progress) == ["1.0"]
    assert all("authorization" not in request.headers for request in github.requests)
    assert len(notes_naming(progress.notes, "warning", "SOURCE_TOKENS")) == 1


def test_requests_say_which_api_they_mean(github, source):
    source().offers(Noting())
    headers = github.listings()[0].headers
    assert headers["accept"] == "application/vnd.github+json"
    assert headers["x-github-api-version"] == "2022-11-28"


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_the_token_is_in_no_error_and_no_log(github, source, store, status):
    body = json.dumps({"message": f"Bearer {TOKEN} is bad"}).encode()
    github.said[LISTING] = Said(status=status, body=body, times=9)
    with capture_logs() as logs:
        error = fails(source(token=TOKEN), str(status) if status != 429 else "rate limit")
    assert TOKEN not in f"{error}{error.__cause__}{logs}"
    assert all(TOKEN.encode() not in store.read(key) for key, _ in store.keys("upstream/"))


# Rate limits


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 900)}, b"{}", 900),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(NOW.timestamp()) + 900)}, b"{}", 900),
        (403, {"Retry-After": "120"}, b"{}", 120),
        (429, {"Retry-After": "120"}, b"{}", 120),
        (429, {"Retry-After": "Fri, 02 Jan 2026 03:09:05 GMT"}, b"{}", 300),
        (429, {}, b"", 60),
        (403, {}, b'{"message": "You have exceeded a secondary rate limit"}', 60),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, b"{}", 60),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 30}, b"{}", 60),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, b"{}", 86400),
        (429, {"Retry-After": "9" * 5000}, b"{}", 86400),
    ],
)
def test_a_rate_limit_is_respected_by_every_process_until_it_is_over(
    github, source, clock, status, headers, body, seconds
):
    github.release("v1.0", DEB)
    github.said[LISTING] = Said(status=status, headers=headers, body=body)
    until = NOW + timedelta(seconds=seconds)
    error = fails(source(), f"until {until:%Y-%m-%d %H:%M:%S} UTC", UpstreamUnavailable)
    assert error.retryable
    assert "SOURCE_TOKENS" in error.remedy
    assert len(github.requests) == 1  # not tried three times
    clock.now = until - timedelta(seconds=1)
    assert fails(source(), "rate limit", UpstreamUnavailable).message == error.message
    assert len(github.requests) == 1  # another process, and GitHub is left alone
    clock.now = until
    assert versions_of(source()) == ["1.0"]


def test_a_token_has_a_limit_of_its_own(github, source):
    github.release("v1.0", DEB)
    github.said[LISTING] = Said(status=429, headers={"Retry-After": "120"})
    fails(source(), "rate limit")
    assert versions_of(source(token=TOKEN)) == ["1.0"]
    github.said[LISTING] = Said(status=429, headers={"Retry-After": "120"})
    error = fails(source(token=TOKEN), "rate limit")
    assert "check less often" in error.remedy
    assert "SOURCE_TOKENS" not in error.remedy


def test_a_check_says_how_many_requests_are_left(github, source):
    github.release("v1.0", DEB)
    github.left = 50
    progress = Noting()
    source().offers(progress)
    assert [numbers_in(text) for text in notes_naming(progress.notes, "info", "127.0.0.1: ")] == [[49, 60]]
    source().offers(progress)
    left = [numbers_in(text) for text in notes_naming(progress.notes, "info", "127.0.0.1: ")]
    assert left == [[49, 60], [48, 60]]  # told by the 304 too


# Faults


def test_a_repository_that_is_not_there_is_named(github, source):
    github.said[LISTING] = Said(status=404, body=b'{"message": "Not Found"}')
    error = fails(source(), r"\bowner/tool\b")
    assert "SOURCE_TOKENS" in error.remedy
    assert not error.retryable


def test_a_refusal_that_is_no_rate_limit_says_what_github_says(github, source):
    body = b'{"message": "Resource not accessible by personal access token"}'
    github.said[LISTING] = Said(status=403, body=body, headers={"X-RateLimit-Remaining": "4999"})
    fails(source(), r'403 Forbidden \("Resource not accessible by personal access token"\): owner/tool\b')
    github.release("v1.0", DEB)
    assert versions_of(source()) == ["1.0"]


def test_a_passing_fault_is_tried_three_times(github, source):
    github.release("v1.0", DEB)
    github.said[LISTING] = Said(status=502, times=2)
    assert versions_of(source()) == ["1.0"]
    github.said[LISTING] = Said(status=502, times=9)
    fails(source(), "502 Bad Gateway", UpstreamUnavailable)
    assert len(github.listings()) == 6


def test_half_a_page_is_an_error(github, source):
    github.release("v1.0", DEB)
    github.said[LISTING] = Said(cut=20)
    assert versions_of(source()) == ["1.0"]  # a line that broke once
    github.release("v1.1", DEB)
    github.said[LISTING] = Said(cut=20, times=9)
    fails(source(), "can't be fetched", UpstreamUnavailable)


RELEASE = {"tag_name": "v1.0", "draft": False, "prerelease": False, "published_at": None, "body": None}
ASSET = {
    "name": "a.deb",
    "size": 1,
    "url": "https://x.example.org/1",
    "browser_download_url": "https://x.example.org/a",
}


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ({"message": "hello"}, r"\bdict\b"),
        ("text", r"\bstr\b"),
        ([1], r"\[0\] is no object"),
        ([{}], r"\[0\].assets is no list"),
        ([{**RELEASE, "assets": [], "tag_name": 1}], r"\[0\] has no tag_name"),
        ([{**RELEASE, "assets": [], "draft": None}], r"\[0\].draft is neither"),
        ([{**RELEASE, "assets": [], "prerelease": "no"}], r"\[0\].prerelease is neither"),
        ([{**RELEASE, "assets": [], "published_at": 5}], r"\[0\] has no published_at"),
        ([{**RELEASE, "assets": [None]}], r"\[0\].assets\[0\] is no object"),
        ([{**RELEASE, "assets": [{**ASSET, "size": "1"}]}], r"has the size '1'"),
        ([{**RELEASE, "assets": [{**ASSET, "size": -1}]}], r"has the size -1"),
        ([{**RELEASE, "assets": [{**ASSET, "name": None}]}], r"has no name"),
        ([{**RELEASE, "assets": [{**ASSET, "digest": "sha256:xyz"}]}], r"has the digest 'sha256:xyz'"),
        ([{**RELEASE, "assets": [{**ASSET, "browser_download_url": "file:///etc/passwd"}]}], "is no http"),
    ],
)
def test_a_page_of_another_shape_is_an_error_that_says_where(github, source, page, said):
    github.said[LISTING] = Said(body=json.dumps(page).encode())
    fails(source(), said)
