"""GitHub's releases over real sockets: offers, pages, conditional requests (R4, R12)."""

import json

import pytest

from packages_app.core.errors import UpstreamUnavailable
from packages_app.core.record import LONGEST_NOTES
from packages_app.sources.exchange import TooLarge
from tests.github_server import LISTING, REPOSITORY, Said
from tests.sources.github import DEB, SHA256, fails, versions_of
from tests.sources.test_sources import Noting
from tests.values import notes_naming, numbers_in

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
    assert len(notes_naming(progress.notes, "info", "tool: ", "v1.2, v1.1-beta.1")) == 1
    assert versions_of(source("  prereleases: true\n")) == ["1.0", "1.1~beta.1", "1.2"]


def test_drafts_and_unfinished_uploads_are_never_offered(github, source):
    github.release("v1.0", DEB)
    github.release("v1.1", DEB, draft=True, published_at=None)
    github.release("v1.2", DEB)["assets"][0]["state"] = "starter"
    assert versions_of(source("  prereleases: true\n")) == ["1.0"]


def test_a_tag_without_a_version_is_no_gate(github, source):
    github.release("v1.0", DEB)
    github.release("latest", ("tool-amd64.deb", b"x"))
    progress = Noting()
    assert versions_of(source(), progress) == ["", "1.0"]
    assert len(notes_naming(progress.notes, "info", "tool: ", ": latest")) == 1


def test_a_pattern_that_nothing_fits_is_a_warning(github, source):
    github.release("v1.0", DEB)
    progress = Noting()
    assert versions_of(source("  asset_pattern: other_*.deb\n"), progress) == []
    [(level, text)] = progress.notes
    assert (level, text.partition(": ")[0], numbers_in(text)) == ("warning", "tool", [1])
    assert text.endswith(" other_*.deb")


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


def test_a_page_larger_than_a_document_is_asked_for_in_smaller_ones(github, source):
    for number in range(7):
        github.release(f"v1.{number}", DEB, body="n" * 900 * 1024)
    assert versions_of(source()) == [f"1.{number}" for number in range(7)]
    queries = ["per_page=100", "per_page=20", "per_page=4", "per_page=4&page=2"]
    assert [request.query for request in github.listings()] == queries
    assert all(len(offer.notes) == LONGEST_NOTES for offer in source().offers(Noting()))


def test_a_release_that_is_larger_than_a_document_is_refused_by_name(github, source):
    github.release("v1.0", DEB, body="n" * 5 * 1024 * 1024)
    assert "notes" in fails(source(), REPOSITORY, TooLarge).remedy


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
