"""Snapshots made, refused, deleted, and what the sweep leaves of them."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.errors import CandidateRefused, StoreUnavailable
from packages_app.core.history_errors import ContentsGone, PublicationUnknown
from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.locations import S3Store
from packages_app.core.ports import Silent
from packages_app.core.snapshot import SnapshotExists, SnapshotIncomplete, SnapshotRefused
from packages_app.indexes.release import parse_release
from packages_app.models import Job, Publication
from packages_app.publishing.snapshots import read_snapshot
from packages_app.services import adapters
from packages_app.services.adapters import Ports
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.publish import publish
from packages_app.services.snapshots.jobs import request_deletion, request_due_snapshots, request_snapshot
from packages_app.services.snapshots.snapshots import (
    create_snapshot,
    delete_snapshot,
    keys_protected_by_snapshots,
    list_snapshots,
)
from packages_app.services.sweep import sweep
from packages_app.signing.openpgp import generate_key
from tests.debs import build_deb
from tests.reader import read_everything, read_stanzas
from tests.services.test_sweep import Between
from tests.stack import point_settings_at

FOLDER = "stable/snapshots/q4"
REGION = "eu-central-1"


def keyring():
    return adapters.signer().public_keyring()


def publish_version(stack, tmp_path, version):
    """Publish a version of tool; gives the Release that is in place then."""
    deb = build_deb(tmp_path, "tool", version)
    stage_upload(deb, deb.name)
    assert {job.state for job in stack.run_jobs()} == {"done"}
    return stack.bucket.read("dists/stable/Release")


def withdraw(stack, version):
    """Take a version out of all suites, and publish that."""
    [record] = [record for record in stack.records() if record.version == version]
    stack.table.set_suites(record, [])
    publish("stable", Silent())


def versions_in(stack, folder):
    """Read a snapshot as a client does, hashes checked; gives the versions that it has."""
    return {version for _, version, _ in read_everything(stack.bucket, keyring(), suite=folder)}


def below(stack, folder):
    return {key for key, _ in stack.bucket.keys(suite_path(folder))}


@pytest.fixture
def stack(embedded, tmp_path):
    embedded.define_uploads("tool")
    publish_version(embedded, tmp_path, "1.0")
    return embedded


def test_a_snapshot_keeps_its_packages_whatever_is_published_and_swept_afterwards(stack, tmp_path, settings):
    settings.SWEEP_GENERATIONS = 1
    made = create_snapshot("stable", "q4", Silent(), reason="audited")
    assert (made.of, made.reason) == (parse_release(stack.bucket.read("dists/stable/Release")).date, "audited")
    before = {key: stack.bucket.read(key) for key in below(stack, FOLDER)}
    withdraw(stack, "1.0")
    for version in ("2.0", "3.0"):
        publish_version(stack, tmp_path, version)
    stack.bucket.put("pool/main/o/orphan/orphan_1_all.deb", b"package")
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "another.sqlite3")
    stack.table.create()
    result = sweep(Silent(), now=datetime.now(UTC) + timedelta(days=400))
    assert result["by_hash"]["objects"] > 0
    assert result["snapshots"]["objects"] == 0
    assert result["pool"]["first"] == ["pool/main/o/orphan/orphan_1_all.deb"]
    assert {key: stack.bucket.read(key) for key in below(stack, FOLDER)} == before
    assert versions_in(stack, FOLDER) == {"1.0"}
    assert keys_protected_by_snapshots() == {("tool#1.0", "amd64")}
    Publication.objects.all().delete()
    Job.objects.all().delete()
    assert [(one.name, one.snapshot.reason) for one in list_snapshots("stable")] == [("q4", "audited")]


def test_an_id_that_means_something_else_is_refused(stack):
    of_apt = ("enable", "No", "1")
    times = ("20261128T101500Z", "20261128", "week-2026-W48")
    for name in ("", ".", "..", "a/b", "../x", "-x", "ü", "a b", "a\nb", "x" * 65, *of_apt, *times):
        with pytest.raises(SnapshotRefused):
            request_snapshot("stable", name)
    assert below(stack, "stable/snapshots") == set()
    assert not Job.objects.filter(kind="snapshot").exists()


def test_a_taken_id_is_refused_and_the_same_once_more_is_no_fault(stack, tmp_path):
    create_snapshot("stable", "q4", Silent())
    before = stack.dists()
    create_snapshot("stable", "q4", Silent())
    with pytest.raises(SnapshotExists):
        request_snapshot("stable", "q4")
    with pytest.raises(SnapshotExists):
        create_snapshot("stable", "q4", Silent(), reason="another")
    assert {key: before[key] for key in below(stack, FOLDER)} == {
        key: stack.bucket.read(key) for key in below(stack, FOLDER)
    }


def test_a_past_publication_is_taken_by_its_digest_or_number_as_long_as_it_is_kept(stack, tmp_path, settings):
    first = Publication.objects.get()
    withdraw(stack, "1.0")
    publish_version(stack, tmp_path, "2.0")
    for name, publication in (("by-number", str(first.pk)), ("by-digest", first.release_sha256[:6].upper())):
        [job] = [request_snapshot("stable", name, publication=publication)]
        stack.run_jobs()
        job.refresh_from_db()
        assert (job.state, job.error) == ("done", "")
        assert versions_in(stack, f"stable/snapshots/{name}") == {"1.0"}
    for unknown in ("99", "ffffffffffff", first.release_sha256[:5], "testing", "1.0"):
        with pytest.raises(PublicationUnknown):
            create_snapshot("stable", "other", Silent(), publication=unknown)
    create_snapshot("stable", "by-suite", Silent(), publication="stable")
    assert versions_in(stack, "stable/snapshots/by-suite") == {"2.0"}
    settings.SWEEP_GENERATIONS, settings.SWEEP_DAYS = 1, 1
    sweep(Silent(), now=datetime.now(UTC) + timedelta(days=20))
    with pytest.raises(ContentsGone):
        create_snapshot("stable", "other", Silent(), publication=first.release_sha256)
    assert below(stack, "stable/snapshots/other") == set()


@pytest.mark.parametrize("lost", ["main/binary-amd64/Packages.xz", "pool/main/t/tool/tool_1.0_amd64.deb"])
def test_what_is_no_longer_whole_is_refused_by_name(stack, lost):
    release = parse_release(stack.bucket.read("dists/stable/Release"))
    key = lost if lost.startswith("pool/") else by_hash_path("stable", lost, release.entries[lost].sha256)
    stack.bucket.delete(key)
    with pytest.raises(SnapshotIncomplete, match=lost.rpartition("/")[2]):
        create_snapshot("stable", "q4", Silent())
    assert below(stack, FOLDER) == set()


def test_one_that_only_lists_its_uncompressed_form_is_whole(embedded, tmp_path):
    embedded.configure(suites=[{"index_forms": ["gz"]}])
    embedded.define_uploads("tool")
    publish_version(embedded, tmp_path, "1.0")
    create_snapshot("stable", "q4", Silent())
    stanzas = read_stanzas(embedded.bucket, keyring(), FOLDER, plain=False)
    assert [stanza["Version"] for _, stanza in stanzas] == ["1.0"]
    assert keys_protected_by_snapshots() == {("tool#1.0", "amd64")}


def test_one_that_was_cut_off_is_no_snapshot_until_it_is_made_again_and_the_sweep_takes_it(stack, tmp_path):
    def fail(key, body, **options):
        if key == suite_path(FOLDER, "InRelease"):
            raise StoreUnavailable("It is away.", remedy="None: it is brought in by a test.")
        return bucket.put(key, body, **options)

    bucket = stack.bucket
    with adapters.given(Ports(stack.table, Between(bucket, put=fail), stack.staging)), pytest.raises(StoreUnavailable):
        create_snapshot("stable", "q4", Silent())
    left = below(stack, FOLDER)
    assert len(left) > 10
    assert list_snapshots("stable") == []
    assert keys_protected_by_snapshots() == set()
    withdraw(stack, "1.0")
    publish_version(stack, tmp_path, "2.0")
    create_snapshot("stable", "other", Silent())
    assert sweep(Silent(), dry_run=True)["snapshots"]["objects"] == 0
    assert sweep(Silent(), dry_run=True, now=datetime.now(UTC) + timedelta(days=20))["snapshots"]["objects"] == len(
        left
    )
    create_snapshot("stable", "q4", Silent())
    assert versions_in(stack, FOLDER) == {"2.0"}
    other = below(stack, "stable/snapshots/other")
    assert below(stack, FOLDER) == {key.replace("other", "q4") for key in other}


def test_one_that_cannot_be_read_lets_nothing_leave_the_pool(stack):
    create_snapshot("stable", "q4", Silent())
    stack.bucket.put(suite_path(FOLDER, "InRelease"), b"damaged")
    stack.bucket.put("pool/main/o/orphan/orphan_1_all.deb", b"package")
    result = sweep(Silent(), now=datetime.now(UTC) + timedelta(days=20))
    assert (result["pool"]["objects"], len(result["kept_back"])) == (0, 1)
    with pytest.raises(CandidateRefused):
        keys_protected_by_snapshots()
    assert delete_snapshot("stable", "q4", Silent()) > 10
    assert sweep(Silent(), now=datetime.now(UTC) + timedelta(days=20))["pool"]["objects"] == 1


def test_it_is_deleted_with_inrelease_first(stack):
    create_snapshot("stable", "q4", Silent())
    gone = []

    def delete(key):
        gone.append(key)
        bucket.delete(key)

    bucket = stack.bucket
    with adapters.given(Ports(stack.table, Between(bucket, delete=delete), stack.staging)):
        delete_snapshot("stable", "q4", Silent())
    assert gone[:3] == [suite_path(FOLDER, name) for name in ("InRelease", "Release", "Release.gpg")]
    assert below(stack, FOLDER) == set()
    before = stack.dists()
    for suite, name in (("stable", "q4"), ("stable", ".."), ("..", "q4"), ("ghost", "q4"), ("stable", "")):
        with pytest.raises(SnapshotRefused):
            request_deletion(suite, name)
        assert delete_snapshot(suite, name, Silent()) == 0
    assert stack.dists() == before


def test_the_clock_makes_one_a_period_and_keeps_the_newest(stack, tmp_path):
    stack.configure(suites=[{"snapshots": {"every": "week", "keep": 2}}])
    create_snapshot("stable", "q4", Silent())
    for week in ("45", "46", "47"):
        create_snapshot("stable", f"week-2026-W{week}", Silent())
        publish_version(stack, tmp_path, f"1.{week}")
    [job] = request_due_snapshots()
    stack.run_jobs()
    job.refresh_from_db()
    this_week = datetime.now(UTC).strftime("week-%G-W%V")
    assert (job.state, job.result["snapshot"]) == ("done", this_week)
    assert [one.name for one in list_snapshots("stable")] == [this_week, "week-2026-W47", "q4"]
    assert request_due_snapshots() == []


def test_indexes_are_copied_within_s3(tmp_path, settings, db, moto):
    name = f"b{uuid.uuid4().hex}"
    store = S3Store(name, "apt", REGION, moto, "public-read")
    stack = point_settings_at(
        settings, tmp_path / "home", bucket=store, staging=S3Store(name, "staging", REGION, moto, "")
    )
    settings.SIGNING_KEY = generate_key("Test archive")
    stack.define_uploads("tool")
    publish_version(stack, tmp_path, "1.0")
    create_snapshot("stable", "q4", Silent())
    publish_version(stack, tmp_path, "2.0")
    assert versions_in(stack, FOLDER) == {"1.0"}
    assert read_snapshot(stack.bucket, "stable", "q4", keyring()).name == "q4"
    [index] = [key for key in below(stack, FOLDER) if key.endswith("amd64/Packages.xz")]
    head = stack.bucket.head(index)
    assert (head.content_type, "sha256" in head.metadata) == ("application/x-xz", True)
    assert delete_snapshot("stable", "q4", Silent()) == 15
    assert below(stack, FOLDER) == set()


def test_where_apt_asks_for_snapshots_is_told_without_waiting_for_a_person(stack):
    stack.configure(snapshots_address="https://apt.example.org/snapshots/@SNAPSHOTID@/")
    publish("stable", Silent())
    release = parse_release(stack.bucket.read("dists/stable/Release"))
    assert release.fields["Snapshots"] == "https://apt.example.org/snapshots/@SNAPSHOTID@/"
    copies = below(stack, "stable/snapshots")
    assert len(copies) == 2  # of this one, and of the one before
    stack.bucket.delete(max(copies))
    publish("stable", Silent())  # nothing is new, but for the copy that a publisher who died did not leave
    assert below(stack, "stable/snapshots") == copies
    stack.configure(snapshots_address="")
    publish("stable", Silent())
    assert "Snapshots" not in parse_release(stack.bucket.read("dists/stable/Release")).fields
