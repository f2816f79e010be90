"""A repository's releases on GitHub, the whole way in: what is new once, what is known never again (R4, R12)."""

import hashlib

import pytest

from packages_app.core.errors import SettingsError, UpstreamError
from packages_app.core.ports import Silent
from packages_app.models import Conflict
from packages_app.services import adapters
from packages_app.services.intake.sync import sync_packages
from repomgr import environment
from tests.debs import build_deb
from tests.github_server import LISTING, GitHub, Said
from tests.reader import read_everything
from tests.sources.test_sources import Noting
from tests.values import notes_naming

BOTH = ["amd64", "arm64"]


@pytest.fixture
def github():
    with GitHub() as github:
        yield github


def watch(stack, github, *, architecture=BOTH, name="tool", **fields):
    source = {"type": "github_release", "repository": "owner/tool", "api": github.url, **fields}
    stack.define(name, source, architecture=architecture)


def debs(folder, version, *architectures, **fields):
    return [build_deb(folder, "tool", version, architecture, **fields) for architecture in architectures]


def in_table(stack):
    return [(record.version, record.architecture) for record in stack.records()]


def downloads(github):
    return len(github.downloads.asked(".deb"))


def test_a_release_for_two_architectures_is_taken_in_whole_and_published(embedded, github, tmp_path):
    github.release("v1.0", *debs(tmp_path, "1.0", *BOTH))
    watch(embedded, github)
    assert sorted(sync_packages([], Silent())["added"]) == ["tool 1.0 amd64", "tool 1.0 arm64"]
    embedded.run_jobs()
    seen = read_everything(embedded.bucket, adapters.signer().public_keyring())
    assert {key[:2] for key in seen} == {("tool", "1.0")}
    assert len(seen) == 2
    record = embedded.records()[0]
    assert (record.package_type, record.pub_date, record.notes) == (
        "github_release",
        "2026-01-01T00:00:00Z",
        "Notes of v1.0",
    )


def test_a_second_check_downloads_nothing_and_hears_that_nothing_changed(embedded, github, tmp_path):
    github.release("v1.0", *debs(tmp_path, "1.0", *BOTH))
    github.release("v1.1", *debs(tmp_path, "1.1", *BOTH), digests=False)
    watch(embedded, github)
    sync_packages([], Silent())
    before = embedded.records(), list(embedded.bucket.keys("pool/"))
    result = sync_packages([], Silent())
    assert (result["added"], result["known"]) == ([], 4)
    assert downloads(github) == 4
    assert [bool(request.headers.get("if-none-match")) for request in github.listings()] == [False, True]
    assert (embedded.records(), list(embedded.bucket.keys("pool/"))) == before


@pytest.mark.parametrize("digests", [True, False])
def test_an_architecture_that_comes_later_is_taken_in_and_the_other_not_fetched_again(
    embedded, github, tmp_path, digests
):
    amd64, arm64 = debs(tmp_path, "1.0", *BOTH)
    release = github.release("v1.0", amd64, digests=digests)
    watch(embedded, github)
    sync_packages([], Silent())
    github.attach(release, arm64.name, arm64.read_bytes(), digest=digests)
    assert sync_packages([], Silent())["added"] == ["tool 1.0 arm64"]
    assert downloads(github) == 2


def test_an_architecture_in_place_of_another_is_no_conflict(embedded, github, tmp_path):
    amd64, arm64 = debs(tmp_path, "1.0", *BOTH)
    release = github.release("v1.0", amd64)
    watch(embedded, github)
    sync_packages([], Silent())
    release["assets"].clear()
    github.attach(release, arm64.name, arm64.read_bytes())
    assert sync_packages([], Silent())["added"] == ["tool 1.0 arm64"]
    assert not Conflict.objects.exists()


def test_what_the_tag_names_otherwise_is_not_fetched_again(embedded, github, tmp_path):
    github.release("v1.0", *debs(tmp_path, "1.0-3", *BOTH))
    watch(embedded, github)
    sync_packages([], Silent())
    result = sync_packages([], Silent())
    assert (result["added"], result["known"], downloads(github)) == ([], 2, 2)
    assert in_table(embedded) == [("1.0-3", "amd64"), ("1.0-3", "arm64")]


@pytest.mark.parametrize("digests", [True, False])
def test_a_release_that_was_published_again_is_not_fetched_again(embedded, github, tmp_path, digests):
    release = github.release("v1.0", *debs(tmp_path, "1.0", *BOTH), digests=digests)
    watch(embedded, github)
    sync_packages([], Silent())
    release["published_at"] = "2026-03-03T00:00:00Z"
    assert sync_packages([], Silent())["known"] == 2
    assert downloads(github) == 2


def test_files_that_moved_are_known_by_their_digest(embedded, github, tmp_path):
    release = github.release("v1.0", *debs(tmp_path, "1.0", *BOTH))
    watch(embedded, github)
    sync_packages([], Silent())
    for asset in release["assets"]:
        asset["browser_download_url"] += "?moved"
    result = sync_packages([], Silent())
    assert (result["added"], result["known"], downloads(github)) == ([], 2, 2)


def test_an_asset_that_was_replaced_and_published_again_is_an_alarm_too(embedded, github, tmp_path):
    release = github.release("v1.0", *debs(tmp_path, "1.0", *BOTH))
    watch(embedded, github)
    sync_packages([], Silent())
    release["published_at"] = "2026-03-03T00:00:00Z"
    github.replace(release["assets"][0], b"other bytes")
    with pytest.raises(UpstreamError, match=r"\btool 1\.0 amd64\b"):
        sync_packages([], Silent())
    assert Conflict.objects.get().offered_size == len(b"other bytes")
    assert downloads(github) == 2


@pytest.mark.parametrize("version", ["1.0", "1.0-3"])
def test_a_replaced_asset_is_an_alarm_and_clients_keep_their_bytes(embedded, github, tmp_path, version):
    release = github.release("v1.0", *debs(tmp_path, version, *BOTH))
    watch(embedded, github)
    sync_packages([], Silent())
    embedded.run_jobs()
    before = embedded.records(), {key: embedded.bucket.read(key) for key, _ in embedded.bucket.keys("pool/")}
    [other] = debs(tmp_path / "other", version, "arm64", files={"usr/x": b"other"})
    github.replace(release["assets"][1], other.read_bytes())
    with pytest.raises(UpstreamError, match=r"\btool .* arm64\b"):
        sync_packages([], Silent())
    conflict = Conflict.objects.get()
    assert (conflict.architecture, conflict.version) == ("arm64", version)
    assert conflict.offered_sha256 == release["assets"][1]["digest"].removeprefix("sha256:")
    assert downloads(github) == 2
    pool = {key: embedded.bucket.read(key) for key, _ in embedded.bucket.keys("pool/")}
    assert (embedded.records(), pool) == before


def test_pre_releases_come_in_when_wanted_and_before_their_release(embedded, github, tmp_path):
    github.release("v1.2.0-beta.1", *debs(tmp_path, "1.2.0~beta.1", "amd64"))
    github.release("v1.2.0-rc.1", *debs(tmp_path, "1.2.0~rc.1", "amd64"), prerelease=True)
    github.release("v1.2.0", *debs(tmp_path, "1.2.0", "amd64"))
    assert [asset["name"] for release in github.releases for asset in release["assets"]] == [
        "tool_1.2.0_amd64.deb",
        "tool_1.2.0.rc.1_amd64.deb",
        "tool_1.2.0.beta.1_amd64.deb",
    ]
    watch(embedded, github, architecture="amd64")
    progress = Noting()
    assert sync_packages([], progress)["added"] == ["tool 1.2.0 amd64"]
    assert len(notes_naming(progress.notes, "info", "tool: ", "v1.2.0-rc.1, v1.2.0-beta.1")) == 1
    watch(embedded, github, architecture="amd64", prereleases=True)
    progress = Noting()
    assert sync_packages([], progress)["added"] == ["tool 1.2.0~beta.1 amd64", "tool 1.2.0~rc.1 amd64"]
    assert [text for level, text in progress.notes if level != "info"] == [], "feed and package name one version"
    assert embedded.table.newest_of("tool").version == "1.2.0"
    pool = [key for key, _ in embedded.bucket.keys("pool/")]
    assert "pool/main/t/tool/tool_1.2.0~beta.1_amd64.deb" in pool


def test_a_listing_whose_later_page_fails_takes_in_nothing(embedded, github, tmp_path):
    for version in ("1.0", "1.1"):
        github.release(f"v{version}", *debs(tmp_path, version, "amd64"))
    github.per_page = 1
    github.said[f"{LISTING}?per_page=100&page=2"] = Said(status=404, times=9)
    watch(embedded, github)
    with pytest.raises(UpstreamError, match="404"):
        sync_packages([], Silent())
    assert embedded.records() == []
    assert downloads(github) == 0


def test_a_checksum_file_that_disagrees_keeps_a_package_out(embedded, github, tmp_path):
    amd64, arm64 = debs(tmp_path, "1.0", *BOTH)
    github.release("v1.0", amd64, arm64, ("SHA256SUMS", f"{'a' * 64}  {arm64.name}\n".encode()))
    watch(embedded, github)
    with pytest.raises(
        UpstreamError, match=rf"{hashlib.sha256(arm64.read_bytes()).hexdigest()}.*a{{64}}.*\bSHA256SUMS\b"
    ):
        sync_packages([], Silent())
    assert in_table(embedded) == [("1.0", "amd64")]


def test_a_release_brings_several_packages_and_only_the_versions_that_are_asked_for_are_fetched(
    embedded, github, tmp_path
):
    def files_of(version):
        folder = tmp_path / version
        return build_deb(folder, "tool", version), build_deb(folder, "tool-doc", version, "all")

    def checked(**fields):
        source = {"type": "github_release", "repository": "owner/tool", "api": github.url, **fields}
        embedded.define("tool", source, architecture=["amd64", "all"], packages=["tool-doc", "tool"])
        done = sync_packages(["tool"], Silent())
        return sorted(done["added"]), done["known"], downloads(github)

    for version in ("1.9", "1.10", "1.8", "1.11"):
        github.release(f"v{version}", *files_of(version), digests=False)
    since = ["tool 1.10 amd64", "tool 1.11 amd64", "tool-doc 1.10 all", "tool-doc 1.11 all"]
    assert checked(since="1.10") == (since, 0, 4)  # 1.9 is before it in Debian's order
    assert checked(since="1.10") == ([], 4, 4)
    assert checked(newest=3) == (["tool 1.9 amd64", "tool-doc 1.9 all"], 4, 6)
    tool, doc = files_of("1.12")
    release = github.release("v1.12", tool, digests=False)
    assert checked(newest=1) == (["tool 1.12 amd64"], 6, 7)
    release["assets"].clear()
    github.attach(release, doc.name, doc.read_bytes(), digest=False)  # alone with its version: no other package's
    assert checked(newest=1) == (["tool-doc 1.12 all"], 6, 8)
    for asset in github.releases[-1]["assets"]:  # 1.9, which is passed over by now, and is there
        asset["digest"] = f"sha256:{'0' * 64}"
    with pytest.raises(UpstreamError, match="0{64}"):
        checked(newest=1)
    assert (sorted(Conflict.objects.values_list("package_name", "version")), downloads(github)) == (
        [("tool", "1.9"), ("tool-doc", "1.9")], 8
    )  # fmt: skip


def test_one_rate_limit_holds_for_all_definitions_of_an_api(embedded, github, tmp_path):
    github.release("v1.0", *debs(tmp_path, "1.0", "amd64"))
    watch(embedded, github)
    watch(embedded, github, name="another")
    github.said[LISTING] = Said(status=403, headers={"Retry-After": "600"})
    with pytest.raises(UpstreamError, match="rate limit") as failed:
        sync_packages([], Silent())
    assert str(failed.value).count("rate limit") == 2
    assert len(github.requests) == 1


def test_the_token_comes_from_the_settings(embedded, github, settings, tmp_path):
    settings.GITHUB_TOKEN = "ghp_of_github"  # for api.github.com alone
    github.release("v1.0", *debs(tmp_path, "1.0", "amd64"))
    watch(embedded, github)
    sync_packages([], Silent())
    assert all("authorization" not in request.headers for request in (*github.requests, *github.downloads.requests))
    settings.SOURCE_TOKENS = {github.url.removeprefix("http://"): "ghp_secret", "ghe.example.org": "ghp_other"}
    github.requests.clear()
    assert sync_packages([], Silent())["known"] == 1
    assert {request.headers["authorization"] for request in github.requests} == {"Bearer ghp_secret"}
    assert all("authorization" not in request.headers for request in github.downloads.requests)


def test_the_token_is_read_from_a_file_and_one_that_no_header_holds_is_refused_unshown(monkeypatch, tmp_path):
    path = tmp_path / "token"
    path.write_text("ghp_secret\n")
    monkeypatch.setenv("GITHUB_TOKEN_FILE", str(path))
    assert environment.token("GITHUB_TOKEN") == "ghp_secret"
    for bad in ("ghp secret", "ghp\nsecret", "ghp_sécret"):
        path.write_text(bad)
        with pytest.raises(SettingsError, match="GITHUB_TOKEN holds") as refused:
            environment.token("GITHUB_TOKEN")
        assert bad not in str(refused.value)
    monkeypatch.setenv("SOURCE_TOKENS_FILE", str(path))
    path.write_text("GHE.example.org.=ghp_one=\n[::1]:8080=ghp_two, git.example.org:8443=ghp_three\n")
    assert environment.tokens_of_hosts("SOURCE_TOKENS") == {
        "ghe.example.org": "ghp_one=", "[::1]:8080": "ghp_two", "git.example.org:8443": "ghp_three"
    }  # fmt: skip
    for bad in ("ghp_secret", "ghe.example.org=", "https://ghe.example.org=ghp_x", "a.org:x=ghp_x", "a.org=ghp_é",
                "a.org=ghp_1 A.org=ghp_2", "user@a.org=ghp_x"):  # fmt: skip
        path.write_text(f"ghe.example.net=ghp_kept\n{bad}")
        with pytest.raises(SettingsError, match="Entry [23] of SOURCE_TOKENS") as refused:
            environment.tokens_of_hosts("SOURCE_TOKENS")
        assert "ghp" not in str(refused.value)


def test_the_shipped_definition_is_sound_and_waits_to_be_enabled(embedded):
    from packages_app.core.definition import load_definitions
    from packages_app.sources.registry import settings_readers
    from tests.stack import REPOSITORY

    shipped = load_definitions(REPOSITORY / "config" / "packages", adapters.repository(), settings_readers())
    assert shipped.problems == ()
    definition = shipped.by_name["kiro-cli"]
    assert (definition.enabled, definition.depends, definition.architectures) == (
        False,
        "kiro (>= 1.0)",
        ("amd64", "arm64"),
    )
    assert definition.source_settings.repository == "kirodotdev/kiro-cli"
