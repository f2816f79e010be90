"""Verifying snapshots: those that are right have no finding, and each thing that can be wrong of one has its own."""

from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.layout import by_hash_path, suite_path
from packages_app.core.ports import Silent
from packages_app.core.snapshot import time_id
from packages_app.indexes.release import parse_release
from packages_app.publishing.generations import generations
from packages_app.publishing.snapshots import read_snapshot
from packages_app.services import adapters
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.publish import publish
from packages_app.services.snapshots.snapshots import create_snapshot
from packages_app.services.sweep import sweep
from packages_app.signing.openpgp import OpenPgpSigner, generate_key
from packages_app.signing.unproven import keys_in
from tests.commands.calling import call
from tests.verified import found

FOLDER = "dists/stable/snapshots/q4"
TOOL = "pool/main/t/tool/tool_1.0+b~1_amd64.deb"


@pytest.fixture
def kept(standing):
    """A repository with a snapshot, and a publication after it that lacks a package of the snapshot."""
    standing.stack.configure(snapshots_address="https://apt.example.org/snapshots/@SNAPSHOTID@/")
    create_snapshot("stable", "q4", Silent(), reason="audited")
    [record] = [record for record in standing.stack.records() if record.pool_path == TOOL]
    mirror_records([standing.stack.table.set_suites(record, [])])
    publish("stable", Silent())
    assert found(standing.verify()) == set()
    return standing


def by_hash(kept, name):
    snapshot = read_snapshot(kept.stack.bucket, "stable", "q4", adapters.signer().public_keyring())
    return by_hash_path(snapshot.folder, name, snapshot.release.entries[name].sha256)


@pytest.mark.parametrize("name", ["Release", "Release.gpg", "main/binary-amd64/Packages.xz", "by hash"])
def test_a_part_that_is_gone_or_has_other_bytes_is_found(kept, name):
    key = by_hash(kept, "main/binary-amd64/Packages.gz") if name == "by hash" else f"{FOLDER}/{name}"
    body = kept.path(key).read_bytes()
    kept.corrupt(key)
    assert found(kept.verify()) == {("snapshot_differs", key)}
    kept.path(key).unlink()
    assert found(kept.verify()) == {("snapshot_differs", key)}
    kept.corrupt(key, body)
    assert found(kept.verify()) == set()


def test_one_that_another_key_signed_is_found_with_that_key(kept):
    other = OpenPgpSigner(generate_key("Another of ours"))
    kept.stack.bucket.put(f"{FOLDER}/InRelease", other.sign_clear(kept.path(f"{FOLDER}/Release").read_bytes()))
    [finding] = kept.verify().findings
    assert (finding.code, finding.where, finding.suite) == ("snapshot_signature", f"{FOLDER}/InRelease", "stable")
    [named] = [key for key in keys_in(other.public_keyring()) if key in finding.text and len(key) > 16]
    assert keys_in(other.public_keyring())[named] == other.fingerprint
    live = kept.path("dists/stable/InRelease").read_bytes()
    kept.stack.bucket.put(f"{FOLDER}/InRelease", live)
    assert found(kept.verify()) == {("snapshot_signature", f"{FOLDER}/InRelease")}


def test_a_pool_file_that_it_alone_names_is_found_when_it_is_gone(kept):
    records = kept.stack.table
    kept.path(TOOL).unlink()
    assert found(kept.verify()) == {("pool_missing", TOOL), ("snapshot_pool_missing", f"{FOLDER}/")}
    assert records.get("tool", "1.0+b~1", "amd64") is not None


def test_what_belongs_to_no_snapshot_is_a_stray_that_a_repair_sets_aside(kept):
    kept.stack.bucket.put(f"{FOLDER}/main/binary-amd64/by-hash/SHA256/{'0' * 64}", b"left")
    kept.stack.bucket.put("dists/stable/snapshots/cut-off/main/binary-amd64/Packages", b"left")
    findings = kept.verify().findings
    assert {(finding.code, str(finding.repair)) for finding in findings} == {("stray", "move the object to staging")}
    assert len(findings) == 2
    call("verify_repository", "--repair", "--yes", "--pool", "none")
    assert found(kept.verify()) == set()


def test_the_copy_of_a_publication_goes_with_it_and_is_found_where_its_indexes_went_before(kept, settings):
    release = parse_release(kept.path("dists/stable/Release").read_bytes())
    copies = {key for key, _ in kept.stack.bucket.keys("dists/stable/snapshots/2")}
    assert copies == {suite_path(f"stable/snapshots/{time_id(date)}", "InRelease") for date in dates(kept)}
    assert len(copies) == 2
    lost = by_hash_path(
        "stable", "main/binary-amd64/Packages.xz", release.entries["main/binary-amd64/Packages.xz"].sha256
    )
    body = kept.path(lost).read_bytes()
    kept.path(lost).unlink()
    assert ("snapshot_differs", max(copies)) in found(kept.verify())
    kept.corrupt(lost, body)
    settings.SWEEP_GENERATIONS, settings.SWEEP_DAYS = 1, 1
    assert sweep(Silent(), now=datetime.now(UTC) + timedelta(days=30))["snapshots"]["first"] == [min(copies)]
    assert kept.path(f"{FOLDER}/InRelease").exists()


def dates(kept):
    """Give the Dates of the kept publications."""
    return [one.date for one in generations(kept.stack.staging, "stable")]
