"""Documents and releases as vendors really write them: taken in, or refused once."""

import json
import os
import tempfile
from datetime import datetime, timedelta

import pytest

from packages_app.core.checksums import checksums_of_file
from packages_app.core.errors import UpstreamError
from packages_app.core.ports import Silent
from packages_app.models import DefinitionStatus, Job
from packages_app.services import adapters
from packages_app.services.intake.sync import sync_packages
from tests.debs import build_deb
from tests.disks import small_disk
from tests.feeds import Feed
from tests.github_server import GitHub


@pytest.fixture
def feed():
    with Feed() as feed:
        yield feed


@pytest.fixture
def github():
    with GitHub() as github:
        yield github


def offer(stack, feed, tmp_path, document, *, version="1.2.3", name="tool"):
    """Let a vendor offer a package by a document, made of the package's SHA256, size and address; check it."""
    deb = build_deb(tmp_path / "made", name, version)
    feed.files[f"/{deb.name}"] = deb.read_bytes()
    sums = checksums_of_file(deb)
    feed.files["/meta.json"] = document(f"{feed.url}/{deb.name}", sums).encode()
    stack.define(name, {"type": "external_download", "endpoint": f"{feed.url}/meta.json"})
    return sync_packages([name], Silent())


def flat(**fields):
    return lambda url, sums: json.dumps({"version": "1.2.3", "url": url, **fields})


ODD = {
    "a number": (lambda url, sums: f'{{"version": 20261105, "url": "{url}"}}', "20261105"),
    "a fraction that ends in nought": (lambda url, sums: f'{{"version": 1.20, "url": "{url}"}}', "1.20"),
    "a list": (lambda url, sums: f"[{flat()(url, sums)}]", "1.2.3"),
    "a size in quotes": (lambda url, sums: flat(size=str(sums.size))(url, sums), "1.2.3"),
    "a hash with its name": (lambda url, sums: flat(sha256=f"sha256:{sums.sha256}")(url, sums), "1.2.3"),
    "a hash in upper case": (lambda url, sums: flat(sha256=f"{sums.sha256.upper()}\n")(url, sums), "1.2.3"),
    "a size with a fraction": (lambda url, sums: flat(size=f" {sums.size}.0 ")(url, sums), "1.2.3"),
    "a list with what is none": (lambda url, sums: f'[5, null, {flat()(url, sums)}, "x", []]', "1.2.3"),
    "a list of entries": (
        lambda url, sums: json.dumps([{"version": "1.2.3", "updateTo": {"version": "1.2.3", "url": url}}, 7]),
        "1.2.3",
    ),
    "a current release that is an object": (
        lambda url, sums: json.dumps(
            {"currentRelease": {"is": "odd"}, "releases": [{"updateTo": {"version": "1.2.3", "url": url}}]}
        ),
        "1.2.3",
    ),
    "a bad one beside a good one": (
        lambda url, sums: f'[{{"version": "1", "url": "{url}", "size": -1}}, {flat()(url, sums)}]',
        "1.2.3",
    ),
    "a date in seconds": (flat(pub_date=1793750400, notes=["a", "b"]), "1.2.3"),
}


@pytest.mark.parametrize(("document", "version"), ODD.values(), ids=ODD)
def test_what_vendors_write_is_understood(embedded, feed, tmp_path, document, version):
    assert offer(embedded, feed, tmp_path, document, version=version)["added"] == [f"tool {version} amd64"]


@pytest.mark.parametrize("date", [1793750400, 1793750400_000])
def test_a_date_and_notes_are_kept_as_people_read_them(embedded, feed, tmp_path, date):
    offer(embedded, feed, tmp_path, flat(pub_date=date, notes=["a", "b"]))
    [record] = embedded.records()
    assert (record.pub_date, record.notes) == ("2026-11-04T00:00:00+00:00", "a\nb")


def test_a_date_and_notes_that_no_database_holds_are_cut_and_cleaned(embedded, feed, tmp_path):
    date = "Wed Nov 04 2026 00:00:00 GMT+0100 (Mitteleuropäische Normalzeit) etc."
    offer(embedded, feed, tmp_path, flat(pub_date=date, notes="a\x00b\ud800" + "c" * 20_000))
    record = embedded.table.get("tool", "1.2.3", "amd64")
    assert (record.pub_date, len(record.notes)) == (date[:64], 10_000)
    assert record.notes.startswith("a\ufffdb\ufffdc")


@pytest.mark.parametrize("body", ['"text"', "[1]", "7", '[{"version": true, "url": "https://x.invalid/"}]'])
def test_what_is_no_document_is_named(embedded, feed, tmp_path, body):
    with pytest.raises(UpstreamError):
        offer(embedded, feed, tmp_path, lambda url, sums: body)


def test_a_version_for_two_architectures_is_two_packages(embedded, feed, tmp_path):
    debs = [build_deb(tmp_path / "made", "tool", "1.2.3", name) for name in ("amd64", "arm64")]
    entries = []
    for deb in debs:
        feed.files[f"/{deb.name}"] = deb.read_bytes()
        entries.append({"updateTo": {"version": "1.2.3", "url": f"{feed.url}/{deb.name}"}})
    feed.files["/meta.json"] = json.dumps({"releases": entries}).encode()
    source = {"type": "external_download", "endpoint": f"{feed.url}/meta.json"}
    embedded.define("tool", source, architecture=["amd64", "arm64"])
    assert sync_packages(["tool"], Silent())["added"] == ["tool 1.2.3 amd64", "tool 1.2.3 arm64"]
    assert sync_packages(["tool"], Silent())["known"] == 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk")
def test_a_download_that_the_disk_has_no_room_for_is_told_as_that(embedded, feed, tmp_path, monkeypatch):
    with small_disk(tmp_path / "disk", 1) as disk:
        monkeypatch.setattr(tempfile, "tempdir", str(disk.folder))
        disk.fill()
        with pytest.raises(UpstreamError) as failed:
            offer(embedded, feed, tmp_path, flat())
        assert "Make room" in str(failed.value)
        disk.empty()
        assert sync_packages(["tool"], Silent())["added"] == ["tool 1.2.3 amd64"]


def fetched(github, name):
    return len(github.downloads.asked(name))


def watch(stack, github, **source):
    stack.define("tool", {"type": "github_release", "repository": "owner/tool", "api": github.url, **source})


def test_what_is_refused_is_fetched_once_until_it_or_its_definition_is_another(embedded, github, tmp_path):
    names = ("tool", "tool-musl")
    github.release("v1.0", *(build_deb(tmp_path, name, "1.0") for name in names))
    watch(embedded, github)
    results = [sync_packages_anyhow() for _ in range(3)]
    assert [record.named for record in embedded.records()] == ["tool 1.0 amd64"]
    assert [result["failed"] for result in results] == [["tool"], [], []]
    assert fetched(github, "tool-musl_1.0_amd64.deb") == 1
    row = DefinitionStatus.objects.get(name="tool")
    assert not row.failed
    [refused] = row.refused.values()
    assert (refused["offer"], refused["from"].rpartition("/")[2]) == ("1.0", "tool-musl_1.0_amd64.deb")
    watch(embedded, github, prereleases=False)
    sync_packages_anyhow()
    assert fetched(github, "tool-musl_1.0_amd64.deb") == 2


def test_what_broke_off_unseen_is_fetched_again_a_day_later(embedded, feed, tmp_path):
    """Of an answer without a length nobody can tell that it broke off, when no size and no SHA256 is announced."""
    deb = build_deb(tmp_path / "made", "tool", "1.2.3")
    feed.says_length = False
    feed.files["/tool.deb"] = deb.read_bytes()[:200]
    feed.files["/meta.json"] = flat()(f"{feed.url}/tool.deb", None).encode()
    embedded.define("tool", {"type": "external_download", "endpoint": f"{feed.url}/meta.json"})
    sync_packages_anyhow()
    feed.files["/tool.deb"] = deb.read_bytes()
    assert sync_packages_anyhow()["added"] == []
    row = DefinitionStatus.objects.get(name="tool")
    [refused] = row.refused.values()
    assert adapters.now() < datetime.fromisoformat(refused["until"]) <= adapters.now() + timedelta(days=1)
    refused["until"] = adapters.now().isoformat()
    row.save()
    assert sync_packages_anyhow()["added"] == ["tool 1.2.3 amd64"]


def test_what_was_refused_is_shown_and_fetched_again_when_asked(embedded, github, tmp_path, as_member):
    github.release("v1.0", build_deb(tmp_path, "tool-musl", "1.0"))
    watch(embedded, github)
    sync_packages_anyhow()
    client = as_member("Publishers")
    row = DefinitionStatus.objects.get(name="tool")
    page = client.get(f"/admin/packages_app/definitionstatus/{row.pk}/change/").content.decode()
    assert "tool-musl_1.0_amd64.deb" in page
    assert 'name="again"' in page
    for again, times in (({}, 1), ({"again": "1"}, 2)):
        client.post("/admin/packages_app/definitionstatus/check/", {"name": "tool", **again})
        embedded.run_jobs()
        assert fetched(github, "tool-musl_1.0_amd64.deb") == times


def test_pushes_of_check_upstream_make_one_job_whatever_the_length_of_its_names(embedded, as_member):
    client = as_member("Publishers")
    names = [f"package-{number:040}" for number in range(10)]
    for chosen in (names, names, names[:9], [], []):
        client.post("/admin/packages_app/definitionstatus/check/", {"name": chosen})
    assert sorted(len(job.arguments["names"]) for job in Job.objects.all()) == [0, 9, 10]


def sync_packages_anyhow():
    """Check; gives what failed where all did."""
    try:
        return sync_packages(["tool"], Silent())
    except UpstreamError:
        return {"added": [], "failed": ["tool"]}


@pytest.mark.parametrize("mark", ["", "sha256:"])
def test_a_list_with_a_byte_order_mark_counts(embedded, github, tmp_path, mark):
    deb = build_deb(tmp_path, "tool", "1.0")
    sums = f"\ufeff{mark}{'f' * 64}  {deb.name}\r\n".encode()
    github.release("v1.0", deb, ("SHA256SUMS", sums), digests=False)
    watch(embedded, github)
    for _ in range(3):
        assert sync_packages_anyhow()["added"] == []
    assert embedded.records() == []
    assert fetched(github, deb.name) == 1
    github.releases.clear()
    right = sums.replace(b"f" * 64, checksums_of_file(deb).sha256.encode())
    github.release("v1.1", deb, ("SHA256SUMS", right), digests=False)
    assert sync_packages(["tool"], Silent())["added"] == ["tool 1.0 amd64"]


def test_a_tag_without_a_version_leaves_it_to_the_file(embedded, github, tmp_path):
    deb = build_deb(tmp_path, "tool", "3.13~git20261101")
    github.release("nightly", ("tool_3.13.20261101_amd64.deb", deb.read_bytes()), prerelease=True)
    watch(embedded, github, prereleases=False)
    assert sync_packages(["tool"], Silent())["added"] == []
    watch(embedded, github)
    assert sync_packages(["tool"], Silent())["added"] == ["tool 3.13~git20261101 amd64"]
    assert sync_packages(["tool"], Silent())["known"] == 1


def test_pre_releases_are_what_there_is_until_there_is_a_release(embedded, github, tmp_path):
    early, first, later = (build_deb(tmp_path, "tool", version) for version in ("1.0~rc.1", "1.0", "1.1~rc.1"))
    watch(embedded, github)
    github.release("v1.0-rc.1", early, prerelease=True)
    assert sync_packages(["tool"], Silent())["added"] == ["tool 1.0~rc.1 amd64"]
    github.release("v1.0", first)
    github.release("v1.1-rc.1", later, prerelease=True)
    assert sync_packages(["tool"], Silent())["added"] == ["tool 1.0 amd64"]
