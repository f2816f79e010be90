"""Checking upstream: what is new comes in, what is known is left, one failure stops nobody else (R4, R12, P18)."""

import pytest

from packages_app.core.errors import PackageRefused, UpstreamError
from packages_app.core.locations import S3Store
from packages_app.core.ports import Silent
from packages_app.core.storable_text import storable
from packages_app.models import Conflict, DefinitionStatus, Job, Package
from packages_app.services import adapters
from packages_app.services.intake.sync import sync_packages
from packages_app.services.jobs import queue
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.setup.doctor import examine
from repomgr.servers.process import free_port
from tests.debs import build_deb
from tests.feeds import METADATA, Fault, Feed, VendorKey
from tests.reader import read_everything
from tests.sources.test_sources import Noting


@pytest.fixture
def feed():
    with Feed() as feed:
        yield feed


def watch(stack, feed, name="tool", path=METADATA, **fields):
    files = {"certificate": "certificate.pem", "signature": "signature.bin"}
    source = {"type": "external_download", "endpoint": feed.url + path, "additional_files": files}
    stack.define(name, {**source, **fields})


def keyring():
    return adapters.signer().public_keyring()


def test_every_version_on_offer_is_taken_in_and_published(embedded, feed, tmp_path):
    key = VendorKey.make()
    for version in ("1.10", "1.9"):
        feed.publish(build_deb(tmp_path, "tool", version), version, key=key)
    watch(embedded, feed)
    result = sync_packages([], Silent())
    assert result["added"] == ["tool 1.9 amd64", "tool 1.10 amd64"]
    embedded.run_jobs()
    assert {key[1] for key in read_everything(embedded.bucket, keyring())} == {"1.9", "1.10"}
    record = embedded.table.newest_of("tool")
    assert record.deb_url == f"{feed.url}/1.10/tool_1.10_amd64.deb"
    assert record.signature_url.endswith("signature.bin")
    assert (record.notes, record.pub_date) == ("Notes of 1.10", "2026-01-02")
    assert record.package_type == "external_download"


def test_p18_a_known_version_is_not_fetched_or_stored_again(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    watch(embedded, feed, signature_policy="off")
    sync_packages([], Silent())
    before = embedded.records(), list(embedded.bucket.keys("pool/"))
    result = sync_packages(["tool"], Silent())
    assert (result["added"], result["known"]) == ([], 1)
    assert len(feed.fetched(".deb")) == 1
    assert (embedded.records(), list(embedded.bucket.keys("pool/"))) == before


def test_a_known_version_that_moved_to_another_address_is_not_fetched_again(embedded, feed, tmp_path):
    deb = build_deb(tmp_path, "tool", "1.0")
    feed.publish(deb, "1.0")
    watch(embedded, feed, signature_policy="off")
    sync_packages([], Silent())
    feed.releases[0]["updateTo"]["url"] = f"{feed.url}/moved/{deb.name}"
    feed.serve({"releases": feed.releases})
    assert sync_packages([], Silent())["known"] == 1
    assert len(feed.fetched(".deb")) == 1


def test_a_version_that_the_feed_names_otherwise_is_not_fetched_again(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0-1"), "1.0")
    watch(embedded, feed, signature_policy="off")
    sync_packages([], Silent())
    sync_packages([], Silent())
    assert [record.version for record in embedded.records()] == ["1.0-1"]
    assert len(feed.fetched(".deb")) == 1


def test_a_known_version_announced_with_other_bytes_is_an_alarm_and_changes_nothing(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    watch(embedded, feed, signature_policy="off")
    sync_packages([], Silent())
    before = embedded.records()
    feed.releases[0]["updateTo"]["sha256"] = "f" * 64
    feed.serve({"releases": feed.releases})
    with pytest.raises(UpstreamError, match=r"\btool 1\.0 amd64\b"):
        sync_packages([], Silent())
    assert embedded.records() == before
    assert Conflict.objects.get().offered_sha256 == "f" * 64


def test_other_bytes_under_another_name_are_quarantined(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    watch(embedded, feed, signature_policy="off")
    sync_packages([], Silent())
    feed.releases.clear()
    other = build_deb(tmp_path / "other", "tool", "1.0", files={"usr/x": b"other"})
    feed.publish(other, "1.0+again")
    with pytest.raises(UpstreamError):
        sync_packages([], Silent())
    assert embedded.staging.read(Conflict.objects.get().quarantined) == other.read_bytes()


def test_one_packages_failure_does_not_stop_another(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    watch(embedded, feed, signature_policy="off")
    watch(embedded, feed, "broken", "/nowhere.json")
    result = sync_packages([], Silent())
    assert result["added"] == ["tool 1.0 amd64"]
    assert result["failed"] == ["broken"]
    assert "answered 404" in result["failures"][0]
    row = DefinitionStatus.objects.get(name="broken")
    assert row.failed
    assert "Remedy" in row.outcome
    assert not DefinitionStatus.objects.get(name="tool").failed


def test_no_text_of_one_vendor_stops_the_check_of_another(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    watch(embedded, feed, signature_policy="off")
    odd = r'"\ud800 \u0000 \u001b[31m"'
    for number, document in enumerate(
        (
            f'{{"version": {odd}, "url": "x.deb"}}',
            f'{{"version": "1.0", "url": {odd}}}',
            f'{{"version": "1.0", "url": "/gone.deb", "notes": {odd}, "pub_date": {odd}}}',
            f'{{"releases": {odd}}}',
            odd,
            f'[{{"version": "1.0", "url": "http://["}}, {odd}]',
        )
    ):
        feed.files[f"/odd{number}.json"] = document.encode()
        watch(embedded, feed, f"a-broken{number}", f"/odd{number}.json")
    result = sync_packages([], Silent())
    assert result["added"] == ["tool 1.0 amd64"]
    assert len(result["failed"]) == 6
    for row in DefinitionStatus.objects.filter(failed=True):
        assert storable(row.outcome) == row.outcome != ""


def test_a_run_in_which_every_package_failed_is_a_failure(embedded, feed):
    watch(embedded, feed, "broken", "/nowhere.json")
    job = queue.enqueue(Job.Kind.SYNC, {"names": []})
    embedded.run_jobs()
    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "upstream_error")
    assert "broken" in job.error


@pytest.mark.parametrize(
    ("corrupt", "said"),
    [
        ({"body": b"<html>gone</html>"}, "web page"),
        ({"cut": 100}, "truncated"),
        ({"name": "other"}, r"\bother\b"),
        ({"architecture": "arm64"}, r"\barm64\b"),
        ({"status": 500}, "answered 500"),
        ({"unsigned": True}, "has no certificate"),
    ],
)
def test_what_is_wrong_with_a_fetched_file_is_on_the_job_and_nothing_is_stored(embedded, feed, tmp_path, corrupt, said):
    deb = build_deb(tmp_path, corrupt.get("name", "tool"), "1.0", corrupt.get("architecture", "amd64"))
    path = feed.publish(deb, "1.0")
    if "body" in corrupt:
        feed.files[path] = corrupt["body"]
    if "cut" in corrupt:
        feed.files[path] = feed.files[path][: -corrupt["cut"]]
    if "status" in corrupt:
        feed.faults[path] = Fault(status=corrupt["status"], times=9)
    watch(embedded, feed, signature_policy="required" if "unsigned" in corrupt else "off")
    with pytest.raises(UpstreamError, match=said):
        sync_packages([], Silent())
    assert embedded.records() == []
    assert list(embedded.bucket.keys("pool/")) == []
    assert Package.objects.count() == 0


def test_a_name_that_is_not_defined_is_refused(embedded):
    with pytest.raises(PackageRefused, match=r"\bghost\b"):
        sync_packages(["ghost"], Silent())


def test_missing_pool_files_are_fetched_again_and_checked(embedded, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    feed.publish(build_deb(tmp_path, "tool", "1.1"), "1.1")
    watch(embedded, feed, signature_policy="off")
    sync_packages([], Silent())
    paths = [record.pool_path for record in embedded.records()]
    for path in paths:
        embedded.bucket.delete(path)
    feed.files["/1.1/tool_1.1_amd64.deb"] = b"x" * len(feed.files["/1.1/tool_1.1_amd64.deb"])
    result = force_rebuild([], Silent(), repair=True)
    assert result["repaired"] == paths[:1]
    assert "was announced" in result["not_repaired"][0]
    assert embedded.bucket.head(paths[1]) is None


def test_definitions_are_mirrored_with_their_faults(embedded):
    (embedded.config / "packages" / "bad.yaml").write_text("name: [")
    mirror_definitions()
    bad = DefinitionStatus.objects.get(name="bad.yaml")
    assert "bad.yaml:1" in bad.problems[0]
    assert DefinitionStatus.objects.get(name="kiro-repo").bootstrap_copy == "kiro-repo.deb"
    (embedded.config / "packages" / "bad.yaml").unlink()
    mirror_definitions()
    assert not DefinitionStatus.objects.filter(name="bad.yaml").exists()


def test_a_check_of_all_tells_which_files_make_no_definition(embedded):
    (embedded.config / "packages" / "bad.yaml").write_text("name: [")
    progress = Noting()
    sync_packages([], progress)
    [text] = [text for level, text in progress.notes if level == "warning"]
    assert "bad.yaml:1" in text
    for file in (embedded.config / "packages").glob("*.yaml"):
        file.write_text("name: [")
    with pytest.raises(PackageRefused, match="bad.yaml:1"):
        sync_packages([], progress)


def findings():
    return {finding.name: finding for finding in examine()}


def test_the_doctor_finds_a_sound_repository_well(embedded):
    assert [finding for finding in findings().values() if not finding.well] == []


def test_the_doctor_names_what_is_wrong_and_the_remedy(embedded, settings, tmp_path):
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "absent.sqlite3")
    settings.BUCKET = type(settings.BUCKET)(tmp_path / "absent")
    settings.SIGNING_KEY = "no key"
    (embedded.config / "packages" / "bad.yaml").write_text("name: [")
    found = findings()
    wrong = {name for name, finding in found.items() if not finding.well}
    assert wrong == {"package table", "bucket", "signing key", "definitions"}
    assert all(found[name].remedy for name in wrong)


def test_a_shared_bucket_needs_a_key_of_its_own(embedded, settings):
    settings.SIGNING_KEY_FILE.unlink()
    settings.EMBEDDED_BUCKET = False
    settings.BUCKET = S3Store("apt", "", "eu-central-1", f"http://127.0.0.1:{free_port()}", "")
    found = findings()
    assert not found["signing key"].well
    assert "SIGNING_KEY" in found["signing key"].detail
    assert f"{settings.BUCKET.endpoint} tells no date" in found["clock"].detail
