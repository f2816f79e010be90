"""GitHub's releases over real sockets: versions, pages, the token, rate limits, faults, checksums (R4, R12, R14)."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from packages_app.core.definition import load_definitions
from packages_app.core.errors import UpstreamError, UpstreamUnavailable
from packages_app.core.locations import FolderStore
from packages_app.core.version import version_key
from packages_app.services.upstream_answers import StoredAnswers
from packages_app.sources.checksum_files import announced_in, is_checksum_file_of
from packages_app.sources.download import Fetcher, Limits
from packages_app.sources.github_release import GitHubRelease
from packages_app.sources.registry import settings_readers
from packages_app.sources.release_tags import is_pre_release, version_of_tag
from packages_app.stores.open_store import open_store
from tests.core.test_definitions import GOOD, REPOSITORY
from tests.github_server import LISTING, GitHub, Said
from tests.sources.test_sources import Noting
from tests.stack import LOOPBACK

TOKEN = "ghp_secretsecret"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DEB = ("tool_1.0_amd64.deb", b"bytes of the package")
SHA256 = hashlib.sha256(DEB[1]).hexdigest()


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def github():
    with GitHub() as github:
        yield github


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def store(tmp_path):
    store = open_store(FolderStore(tmp_path / "staging"))
    store.create()
    return store


def read(folder, extra):
    folder.mkdir(exist_ok=True)
    head = GOOD[: GOOD.index("source:")]
    (folder / "tool.yaml").write_text(f"{head}source:\n  type: github_release\n{extra}")
    return load_definitions(folder, REPOSITORY, settings_readers())


@pytest.fixture
def source(github, clock, store, tmp_path):
    """Makes the source as a new process does: only `store` and `clock` are shared."""

    def make(extra="", *, token="", api=None):
        settings = f"  repository: owner/tool\n  api: {api or github.url}\n{extra}"
        definitions = read(tmp_path / "definitions", settings)
        assert definitions.problems == ()
        fetcher = Fetcher(
            Limits(wait=0.01, connect=2, read=1),
            sleep=lambda _seconds: None,
            answers=StoredAnswers(store),
            tokens={"github_release": token},
            clock=clock,
            allowed_private=LOOPBACK,
        )
        return GitHubRelease(definitions.by_name["tool"], fetcher)

    return make


def versions_of(source, progress=None):
    return [offer.version for offer in source.offers(progress or Noting())]


def fails(source, said, error=UpstreamError):
    with pytest.raises(error, match=said) as failed:
        source.offers(Noting())
    assert failed.value.remedy
    return failed.value


# Settings


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ("  asset_pattern: '*.deb'\n", "repository"),
        ("  repository: tool\n", "repository"),
        ("  repository: owner/tool/more\n", "repository"),
        ("  repository: owner/..\n", "repository"),
        ("  repository: https://github.com/owner/tool\n", "repository"),
        ("  repository: owner/tool\n  asset_pattern: a/*.deb\n", "asset_pattern"),
        ("  repository: owner/tool\n  asset_pattern: 5\n", "asset_pattern"),
        ("  repository: owner/tool\n  prereleases: 'yes'\n", "prereleases"),
        ("  repository: owner/tool\n  api: ftp://example.org\n", "api"),
        ("  repository: owner/tool\n  api: https://\n", "api"),
        ("  repository: owner/tool\n  api: https://user:secret@example.org\n", "api"),
        ("  repository: owner/tool\n  api: https://example.org:port\n", "api"),
        ("  repository: owner/tool\n  size_limit_mb: 0\n", "size_limit_mb"),
        ("  repository: owner/tool\n  prerelease: true\n", "prerelease"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named_with_its_remedy(tmp_path, lines, field):
    definitions = read(tmp_path, lines)
    assert [problem.field for problem in definitions.problems] == [f"source.{field}"]
    assert definitions.problems[0].remedy
    assert "secret" not in str(definitions.problems[0])


def test_what_is_not_set_has_a_sound_value(tmp_path):
    settings = read(tmp_path, "  repository: owner/tool\n").by_name["tool"].source_settings
    assert (settings.api, settings.asset_patterns, settings.prereleases, settings.size_limit_mb) == (
        "https://api.github.com",
        ("*.deb",),
        False,
        2048,
    )


# Versions


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("v1.2.3", "1.2.3"),
        ("release-1.2", "1.2"),
        ("kiro-cli/v1.2.3", "1.2.3"),
        ("kiro-cli-v1.2", "1.2"),
        ("@scope/tool@1.2", "1.2"),
        ("log4j-2.0", "2.0"),
        ("v1.2.0-1", "1.2.0-1"),
        ("v1.2.0-beta.1", "1.2.0~beta.1"),
        ("1.2rc1", "1.2~rc1"),
        ("v1.2.0-rc.1+build.5", "1.2.0~rc.1+build.5"),
        ("v2.0-SNAPSHOT", "2.0~SNAPSHOT"),
        ("latest", ""),
        ("v1_2", ""),
        ("1.0 of today", ""),
        ("", ""),
    ],
)
def test_the_version_of_a_tag(tag, version):
    assert version_of_tag(tag) == version


def test_a_numeric_suffix_is_a_revision_unless_the_release_is_flagged():
    assert version_of_tag("v1.2.0-1", pre_release=True) == "1.2.0~1"
    assert version_of_tag("v1.2.0-beta-2", pre_release=True) == "1.2.0~beta-2"


def test_pre_releases_sort_before_what_they_lead_to():
    tags = ["v1.2.0-alpha", "v1.2.0-alpha.1", "v1.2.0-beta.2", "v1.2.0-beta.10", "v1.2.0-rc.1", "v1.2.0", "v1.2.0-1"]
    keys = [version_key(version_of_tag(tag)) for tag in tags]
    assert keys == sorted(keys)
    assert [is_pre_release(tag) for tag in tags] == [True] * 5 + [False] * 2


WORDS = "alpha beta rc pre preview dev nightly canary snapshot insiders"


@pytest.mark.parametrize("word", WORDS.split())
def test_every_word_for_a_pre_release_is_understood(word):
    assert is_pre_release(f"v1.0-{word}")
    assert is_pre_release(f"v1.0-{word}.3")
    assert is_pre_release(f"{word}-20260102")
    assert not is_pre_release(f"v1.0-{word}ictable")


@given(st.text(max_size=60))
def test_any_tag_gives_a_debian_version_or_none(tag):
    for flagged in (False, True):
        version = version_of_tag(tag, pre_release=flagged)
        if version:
            version_key(version)
    is_pre_release(tag)


# Offers


def test_a_release_gives_an_offer_for_each_matching_package(github, source):
    github.release("v1.0", DEB, ("tool_1.0_arm64.deb", b"y"), ("tool-dbg_1.0_amd64.deb", b"z"), ("tool.rpm", b"r"))
    offers = source("  asset_pattern: tool_*.deb\n").offers(Noting())
    assert [(offer.version, offer.filename, offer.architecture) for offer in offers] == [
        ("1.0", "tool_1.0_amd64.deb", ""),
        ("1.0", "tool_1.0_arm64.deb", ""),
    ]
    offer = offers[0]
    assert offer.deb_url == f"{github.downloads.url}/owner/tool/releases/download/v1.0/tool_1.0_amd64.deb"
    assert (offer.pub_date, offer.notes) == ("2026-01-01T00:00:00Z", "Notes of v1.0")
    assert (offer.sha256, offer.size) == (SHA256, len(DEB[1]))


def test_several_patterns_leave_other_architectures_out(github, source):
    github.release("v1.0", *((f"tool_1.0_{name}.deb", b"x") for name in ("amd64", "arm64", "armhf")))
    offers = source("  asset_pattern: ['*_amd64.deb', '*_arm64.deb']\n").offers(Noting())
    assert [offer.filename for offer in offers] == ["tool_1.0_amd64.deb", "tool_1.0_arm64.deb"]


def test_offers_are_in_dpkgs_order(github, source):
    for tag in ("v1.10", "v1.9", "v2.0-rc.1", "v2.0"):
        github.release(tag, DEB)
    assert versions_of(source("  prereleases: true\n")) == ["1.9", "1.10", "2.0~rc.1", "2.0"]


def test_pre_releases_are_passed_over_and_named_unless_wanted(github, source):
    github.release("v1.0", DEB)
    github.release("v1.1-beta.1", DEB)
    github.release("v1.2", DEB, prerelease=True)
    progress = Noting()
    assert versions_of(source(), progress) == ["1.0"]
    assert ("info", "tool: pre-releases are passed over: v1.2, v1.1-beta.1") in progress.notes
    assert versions_of(source("  prereleases: true\n")) == ["1.0", "1.1~beta.1", "1.2"]


def test_drafts_and_unfinished_uploads_are_never_offered(github, source):
    github.release("v1.0", DEB)
    github.release("v1.1", DEB, draft=True, published_at=None)
    github.release("v1.2", DEB)["assets"][0]["state"] = "starter"
    assert versions_of(source("  prereleases: true\n")) == ["1.0"]


def test_a_tag_without_a_version_is_a_warning_and_hides_nothing(github, source):
    github.release("v1.0", DEB)
    github.release("latest", DEB)
    progress = Noting()
    assert versions_of(source(), progress) == ["1.0"]
    assert ("warning", "tool: tags without a Debian version: latest") in progress.notes


def test_a_pattern_that_nothing_fits_is_a_warning(github, source):
    github.release("v1.0", DEB)
    progress = Noting()
    assert versions_of(source("  asset_pattern: other_*.deb\n"), progress) == []
    assert progress.notes == [("warning", "tool: none of 1 releases has a .deb that fits other_*.deb")]


# Pages


def test_every_page_is_read(github, source):
    for number in range(7):
        github.release(f"v1.{number}", DEB)
    github.per_page = 3
    assert versions_of(source()) == [f"1.{number}" for number in range(7)]
    assert [request.query for request in github.listings()] == ["per_page=100"] + [
        f"per_page=100&page={number}" for number in (2, 3)
    ]


def test_a_later_page_that_fails_corrupts_the_whole_listing(github, source):
    for number in range(4):
        github.release(f"v1.{number}", DEB)
    github.per_page = 3
    github.said[f"{LISTING}?per_page=100&page=2"] = Said(body=b'[{"tag_name": "v', times=9)
    fails(source(), "gave no JSON")
    github.said[f"{LISTING}?per_page=100&page=2"] = Said(status=500, times=9)
    fails(source(), "500", UpstreamUnavailable)


def test_links_to_another_server_and_in_a_circle_are_refused(github, source):
    github.release("v1.0", DEB)
    elsewhere = f"{github.downloads.url}{LISTING}?page=2"
    github.said[LISTING] = Said(headers={"Link": f'<{elsewhere}>; rel="next"'})
    fails(source(), "on another server")
    assert github.downloads.requests == []
    github.release("v1.1", DEB)
    github.said[LISTING] = Said(headers={"Link": f'<{github.url}{LISTING}?page=1>; rel="next"'}, times=999)
    fails(source(), "without end")
    assert len(github.listings()) < 10


# Conditional requests


def test_what_has_not_changed_is_not_sent_again(github, source):
    for number in range(4):
        github.release(f"v1.{number}", DEB)
    github.per_page = 3
    first = versions_of(source())
    assert versions_of(source()) == first  # another process: only the store is shared
    assert [bool(request.headers.get("if-none-match")) for request in github.listings()] == [False, False, True, True]
    github.release("v1.9", DEB)
    assert versions_of(source()) == [*first, "1.9"]


@pytest.mark.parametrize("corrupt", [b"", b"no json", b"[]", b"{}", None, "body", "etag"])
def test_a_corrupt_entry_counts_as_none(github, source, store, corrupt):
    github.release("v1.0", DEB)
    source().offers(Noting())
    [(key, _)] = store.keys("upstream/")
    if corrupt in ("body", "etag"):
        store.put(key, json.dumps({**json.loads(store.read(key)), corrupt: ""}).encode())
    elif corrupt is None:
        store.delete(key)
    else:
        store.put(key, corrupt)
    assert versions_of(source()) == ["1.0"]
    assert "if-none-match" not in github.listings()[-1].headers


def test_half_a_page_is_never_kept(github, source, store):
    github.release("v1.0", DEB)
    github.said[LISTING] = Said(body=b'[{"tag_name":')
    fails(source(), "gave no JSON")
    assert list(store.keys("upstream/")) == []
    assert versions_of(source()) == ["1.0"]


def test_a_store_that_is_away_costs_a_request_and_nothing_else(github, source, tmp_path):
    import shutil

    github.release("v1.0", DEB)
    shutil.rmtree(tmp_path / "staging")
    assert versions_of(source()) == ["1.0"]


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
    github.said[LISTING] = Said(status=302, headers={"Location": f"{github.downloads.url}/elsewhere"})
    assert versions_of(source(token=TOKEN)) == []
    assert "authorization" not in github.downloads.requests[0].headers


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
    assert "GITHUB_TOKEN raises the limit" in error.remedy
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
    assert "GITHUB_TOKEN" not in error.remedy


def test_a_check_says_how_many_requests_are_left(github, source):
    github.release("v1.0", DEB)
    github.left = 50
    progress = Noting()
    source().offers(progress)
    assert ("info", "127.0.0.1: 49 of 60 requests are left") in progress.notes
    source().offers(progress)
    assert ("info", "127.0.0.1: 48 of 60 requests are left") in progress.notes  # told by the 304 too


# Faults


def test_a_repository_that_is_not_there_is_named(github, source):
    github.said[LISTING] = Said(status=404, body=b'{"message": "Not Found"}')
    error = fails(source(), "there is no repository owner/tool, or it is private")
    assert "GITHUB_TOKEN" in error.remedy
    assert not error.retryable


def test_a_refusal_that_is_no_rate_limit_says_what_github_says(github, source):
    body = b'{"message": "Resource not accessible by personal access token"}'
    github.said[LISTING] = Said(status=403, body=body, headers={"X-RateLimit-Remaining": "4999"})
    fails(source(), r'403 Forbidden \("Resource not accessible by personal access token"\): owner/tool may not')
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
        ({"message": "hello"}, "a dict stands where"),
        ("text", "a str stands where"),
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


# Checksums


def fetch(source, folder, progress=None):
    [offer] = source.offers(Noting())
    folder.mkdir(exist_ok=True)
    return source.fetch(offer, folder, progress or Noting())


GOOD_FILES = {
    "coreutils": ("SHA256SUMS", f"{'0' * 64}  other.deb\n{SHA256}  {DEB[0]}\n"),
    "binary mark and folder": ("sha256sum.txt", f"{SHA256} *dist/{DEB[0]}\n"),
    "bsd": ("tool_1.0_checksums.txt", f"SHA256 ({DEB[0]}) = {SHA256.upper()}\n"),
    "own": (f"{DEB[0]}.sha256", f"{SHA256}  {DEB[0]}\n"),
    "bare": (f"{DEB[0]}.sha256", SHA256),
    "own with the builder's name": (f"{DEB[0]}.sha256", f"{SHA256}  target/out.deb\r\n"),
}


@pytest.mark.parametrize("name", GOOD_FILES)
def test_every_checksum_that_is_there_is_compared(github, source, tmp_path, name):
    file, text = GOOD_FILES[name]
    github.release("v1.0", DEB, (file, text.encode()))
    progress = Noting()
    assert fetch(source(), tmp_path / "fetched", progress).checksums.sha256 == SHA256
    assert ("info", f"{DEB[0]}: its SHA256 is the one of GitHub's digest, {file}") in progress.notes


@pytest.mark.parametrize("name", GOOD_FILES)
def test_a_checksum_that_differs_is_refused_before_the_download(github, source, tmp_path, name):
    file, text = GOOD_FILES[name]
    wrong = "f" * 64
    text = text.replace(SHA256, wrong).replace(SHA256.upper(), wrong)
    github.release("v1.0", DEB, (file, text.encode()))
    with pytest.raises(UpstreamError, match=f"SHA256 {SHA256} by GitHub's digest, and {wrong} by {file}"):
        fetch(source(), tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []
    assert github.downloads.asked(".deb") == [] or github.downloads.asked(".deb")[0].path.endswith(".sha256")


def test_bytes_that_are_not_those_announced_are_refused_with_both_hashes(github, source, tmp_path):
    github.release("v1.0", DEB, ("SHA256SUMS", f"{'e' * 64}  {DEB[0]}\n".encode()), digests=False)
    with pytest.raises(UpstreamError, match=f"has SHA256 {SHA256}, {'e' * 64} was announced by SHA256SUMS"):
        fetch(source(), tmp_path / "fetched")
    assert list((tmp_path / "fetched").iterdir()) == []


def test_names_are_compared_as_github_rewrites_them(github, source, tmp_path):
    name = "tool_1.0~beta.1_amd64.deb"
    github.release("v1.0", (name, DEB[1]), ("checksums.txt", f"{SHA256}  {name}\n".encode()), digests=False)
    progress = Noting()
    fetch(source(), tmp_path / "fetched", progress)
    assert progress.notes == [("info", "tool_1.0.beta.1_amd64.deb: its SHA256 is the one of checksums.txt")]


def test_a_file_without_any_checksum_is_taken_and_that_is_noted(github, source, tmp_path):
    github.release("v1.0", DEB, ("checksums.txt", b"nothing\n"), digests=False)
    progress = Noting()
    fetch(source(), tmp_path / "fetched", progress)
    assert progress.notes == [("info", f"{DEB[0]}: upstream announces no SHA256 of it")]


def test_checksum_files_are_only_fetched_with_their_package(github, source):
    github.release("v1.0", DEB, (f"{DEB[0]}.sha256", SHA256.encode()))
    source().offers(Noting())
    assert github.downloads.requests == []


def test_a_checksum_file_without_a_checksum_or_too_large_is_an_error(github, source, tmp_path):
    release = github.release("v1.0", DEB)
    asset = github.attach(release, f"{DEB[0]}.sha256", b"<html>")
    with pytest.raises(UpstreamError, match="holds no SHA256"):
        fetch(source(), tmp_path / "fetched")
    github.replace(asset, b"x" * 2_000_000)
    with pytest.raises(UpstreamError, match="larger than"):
        fetch(source(), tmp_path / "fetched")


def test_which_assets_may_hold_a_checksum():
    others = ["tool_arm64.deb"]
    for name in ("SHA256SUMS", "sha256sums.txt", "tool-1.0-checksums.txt", "checksums.sha256", "tool.deb.sha256sum"):
        assert is_checksum_file_of(name, "tool.deb", others), name
    for name in ("SHA256SUMS.asc", "checksums.txt.sig", "sha512sums.txt", "tool_arm64.deb.sha256", "notes.txt"):
        assert not is_checksum_file_of(name, "tool.deb", others), name


@given(st.binary(max_size=300), st.sampled_from(["SHA256SUMS", "tool.deb.sha256"]))
def test_any_bytes_in_a_checksum_file_give_hashes_or_an_error(body, name):
    try:
        found = announced_in(body, name, "tool.deb")
    except UpstreamError:
        return
    assert all(len(each.sha256) == 64 for each in found)
