"""Verifying: each thing that can be wrong is found and named, and what is right is not."""

import sqlite3
from datetime import timedelta

import pytest

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import CandidateHeld, LeaseBusy, PackageRefused
from packages_app.core.layout import by_hash_path
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release, redated
from packages_app.models import HeldCandidate, Job, Notice, Package
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.publication.held_candidates import approve_for_rebuild
from packages_app.services.publication.publish import publish
from packages_app.services.publication.requests import request_publication
from packages_app.services.snapshots.snapshots import create_snapshot
from packages_app.services.verification.verify import verify_repository
from packages_app.verification.finding import Cure, PoolScope
from tests.reader import read_release
from tests.records import make_record
from tests.verified import COPY, found

SUITE = "dists/stable"
INDEX = f"{SUITE}/main/binary-amd64/Packages"
TOOL = "pool/main/t/tool/tool_1.0+b~1_amd64.deb"
SETUP = "pool/main/s/setup/setup_1.1_all.deb"
KEYRING = "kiro-archive-keyring.gpg"


def by_hash(bucket, name):
    entries = {entry["name"]: entry for entry in read_release(bucket, adapters.signer().public_keyring())["SHA256"]}
    return by_hash_path("stable", name, entries[name]["sha256"])


def put_release(standing, text):
    """Put a Release into place as a publisher would, signed by our key."""
    signer = adapters.signer()
    for name, body in (
        ("Release", text), ("Release.gpg", signer.sign_detached(text)), ("InRelease", signer.sign_clear(text)),
    ):  # fmt: skip
        standing.stack.bucket.put(f"{SUITE}/{name}", body)


def with_another_suite(standing):
    standing.stack.configure(suites=[{"architectures": ["amd64", "arm64"]}, {"name": "next", "codename": "next"}])


def test_a_repository_that_is_as_it_should_be_has_no_finding(standing):
    verification = standing.verify()
    assert verification.findings == ()
    assert (verification.indexes, verification.pool_files) == (12, 5)
    assert len(standing.clients_see()) == 7
    assert {TOOL, COPY, KEYRING, "index.html", f"{INDEX}.xz"} <= set(standing.server.asked)


@pytest.mark.parametrize(
    ("key", "missing", "wrong"),
    [
        (f"{SUITE}/InRelease", "release_missing", "bad_signature"),
        (f"{SUITE}/Release", "release_missing", "release_differs"),
        (f"{SUITE}/Release.gpg", "release_missing", "bad_signature"),
        (INDEX, "index_missing", "index_differs"),
        (f"{INDEX}.gz", "index_missing", "index_differs"),
        ("by hash", "by_hash_missing", "by_hash_differs"),
        (TOOL, "pool_missing", "pool_differs"),
        (COPY, "copy_missing", "copy_differs"),
        (KEYRING, "root_missing", "root_differs"),
        ("index.html", "root_missing", "root_differs"),
    ],
)
def test_an_object_that_is_gone_or_another_is_named(standing, key, missing, wrong):
    key = by_hash(standing.stack.bucket, "main/binary-amd64/Packages.xz") if key == "by hash" else key
    body = standing.path(key).read_bytes()
    for other in (body[::-1], body[: len(body) // 2], body + b"more", b"", bytes(len(body))):
        standing.corrupt(key, other)
        assert found(standing.verify()) == {(wrong, key)}
    standing.path(key).unlink()
    assert found(standing.verify()) == {(missing, key)}


def test_damage_to_a_file_that_is_two_objects_at_once_is_named_for_both(standing):
    with standing.path(SETUP).open("r+b") as file:  # in a local bucket the copy is a link
        file.seek(-1, 2)
        file.write(b"!")
    assert found(standing.verify()) == {("pool_differs", SETUP), ("copy_differs", COPY)}


def test_objects_that_belong_nowhere_are_named(standing):
    strays = {f"{SUITE}/junk", f"{SUITE}/main/binary-riscv64/Packages", "dists/old/InRelease", "dists/file"}
    for key in strays:
        standing.corrupt(key, b"junk")
    standing.corrupt("pool/main/y/young/young_1_all.deb", b"just written")
    standing.corrupt("pool/main/o/orphan/orphan_1_all.deb", b"nobody's")
    standing.age("pool/main/o/orphan/orphan_1_all.deb")
    standing.corrupt(f"{SUITE}/main/binary-amd64/by-hash/SHA256/{'0' * 64}", b"of the sweep")
    verification = standing.verify()
    assert found(verification) == {("stray", key) for key in strays} | {
        ("orphan", "pool/main/o/orphan/orphan_1_all.deb")
    }
    with_another_suite(standing)
    assert found(standing.verify("stable")) == {("stray", key) for key in strays if key.startswith(f"{SUITE}/")}


def test_a_file_that_a_kept_release_names_is_no_orphan(standing, settings):
    Package.objects.filter(package_name="tool").delete()
    with sqlite3.connect(settings.PACKAGE_TABLE.path) as table:  # as no port of ours can do it
        assert table.execute("DELETE FROM records WHERE package_name = 'tool'").rowcount == 2
    with pytest.raises(CandidateHeld):
        publish("stable", Silent(), options=PublicationOptions(rebuild=True))
    approve_for_rebuild([HeldCandidate.objects.get().pk], ["stable"], None)
    publish("stable", Silent(), options=PublicationOptions(rebuild=True))
    standing.age(TOOL)
    assert found(standing.verify()) == set()
    generations = list(standing.stack.staging.keys("releases/stable/"))
    assert len(generations) == 2
    for key, _ in generations:
        standing.stack.staging.delete(key)
    assert found(standing.verify()) == {("orphan", TOOL)}


def test_rows_of_the_mirror_that_differ_are_named(standing):
    Package.objects.filter(package_name="other").delete()
    Package.objects.filter(package_name="setup", version="1.0").update(maintainer="Mallory")
    Package.objects.get(package_name="setup", version="1.1").memberships.all().delete()
    Package.objects.create(package_id="ghost#1", package_name="ghost", version="1", version_key="x", architecture="all")
    rows = ("other#3.0 arm64", "setup#1.0 all", "setup#1.1 all", "ghost#1 all")
    assert found(standing.verify()) == {("mirror_differs", f"mirror: {row}") for row in rows}


@pytest.mark.parametrize(
    ("made", "valid_for", "code"),
    [
        (timedelta(days=-20), timedelta(days=14), "expired"),
        (timedelta(days=-13), timedelta(days=14), "expiring"),
        (timedelta(seconds=60), timedelta(days=14), "future_date"),
        (timedelta(seconds=5), timedelta(days=14), None),
        (timedelta(days=-10), timedelta(days=14), None),
    ],
)
def test_dates_that_clients_refuse_are_named(standing, made, valid_for, code):
    text = standing.stack.bucket.read(f"{SUITE}/Release")
    put_release(standing, redated(text, adapters.now() + made, valid_for))
    assert found(standing.verify()) == ({(code, f"{SUITE}/InRelease")} if code else set())


def test_an_older_inrelease_put_back_is_named(standing):
    text = standing.stack.bucket.read(f"{SUITE}/Release")
    older = redated(text, parse_release(text).date - timedelta(days=1), timedelta(days=14))
    standing.corrupt(f"{SUITE}/InRelease", adapters.signer().sign_clear(older))
    assert found(standing.verify()) == {("release_differs", f"{SUITE}/InRelease")}


def test_a_release_of_another_identity_is_named_and_left_to_people(standing):
    standing.stack.configure(label="Another", suites=[{"architectures": ["amd64", "arm64"], "description": "New"}])
    findings = {finding.code: finding for finding in standing.verify().findings}
    assert set(findings) == {"identity_differs", "release_outdated", "root_differs"}  # the page tells the label
    assert findings["identity_differs"].repair is Cure.NONE
    assert "Label is 'Kiro'" in findings["identity_differs"].text


def test_when_nothing_signed_is_left_indexes_are_compared_with_the_table(standing):
    hashed = by_hash(standing.stack.bucket, "main/binary-amd64/Packages.gz")
    for name in ("InRelease", "Release", "Release.gpg"):
        standing.corrupt(f"{SUITE}/{name}")
    standing.corrupt(f"{INDEX}.xz")
    standing.corrupt(hashed)
    assert found(standing.verify()) == {
        *(("bad_signature", f"{SUITE}/{name}") for name in ("InRelease", "Release", "Release.gpg")),
        ("index_differs", f"{INDEX}.xz"),
        ("by_hash_differs", hashed),
    }


def test_a_record_that_is_not_published_is_a_finding_unless_its_publication_waits(standing):
    body = b"a package"
    record = make_record("late", "1.0", file_size=len(body), sha256_hash=checksums_of_bytes(body).sha256)
    standing.stack.bucket.put(record.pool_path, body)
    standing.stack.table.put_new(record)
    findings = {("not_published", INDEX), ("root_differs", "index.html"), ("mirror_differs", "mirror: late#1.0 amd64")}
    assert found(standing.verify()) == findings
    request_publication("stable")
    assert found(standing.verify()) == {("mirror_differs", "mirror: late#1.0 amd64")}
    Job.objects.update(created=adapters.now() - timedelta(hours=2))
    assert found(standing.verify()) == findings


def test_what_was_withdrawn_and_is_still_published_is_a_finding(standing):
    record = next(record for record in standing.stack.records() if record.package_name == "other")
    standing.stack.table.set_suites(record, ())
    verification = standing.verify("stable")
    assert ("not_in_table", f"{SUITE}/main/binary-arm64/Packages") in found(verification)
    assert "other 3.0 arm64" in str(verification.findings[0])


def test_a_record_without_its_file_is_a_finding_in_whatever_suite(standing):
    standing.stack.table.put_new(make_record("lost", "1.0", suites=()))
    findings = found(standing.verify(pool=PoolScope.NONE))
    assert findings == {
        ("pool_missing", "pool/main/l/lost/lost_1.0_amd64.deb"), ("mirror_differs", "mirror: lost#1.0 amd64"),
    }  # fmt: skip
    with_another_suite(standing)
    assert found(standing.verify("stable")) == set()


def test_how_much_of_the_pool_is_read_is_asked_for(standing):
    standing.corrupt(TOOL)
    assert found(standing.verify()) == {("pool_differs", TOOL)}
    assert found(standing.verify(pool=PoolScope.NONE)) == set()
    sample = standing.verify(pool=PoolScope.SAMPLE, sample=5, seed="any")
    assert (found(sample), sample.pool_files) == ({("pool_differs", TOOL)}, 5)
    standing.corrupt(TOOL, b"short")  # its size is told by the listing
    assert found(standing.verify(pool=PoolScope.NONE)) == {("pool_differs", TOOL)}


def test_the_file_that_a_copy_is_made_of_is_always_read(standing):
    standing.corrupt(SETUP)
    assert found(standing.verify("stable", pool=PoolScope.NONE)) == {("pool_differs", SETUP)}


def test_what_the_bucket_has_and_clients_do_not_get_is_no_finding_of_the_bucket(standing):
    standing.server.instead = {TOOL: 403, SETUP: b"from a cache", f"{INDEX}.xz": 404}
    standing.age(f"{INDEX}.xz", 0)
    verification = standing.verify()
    assert found(verification) == {("not_served", TOOL), ("not_served", SETUP)}  # the index was written just now
    assert {finding.repair for finding in verification.findings} == {Cure.NONE}
    standing.age(f"{INDEX}.xz")
    assert ("not_served", f"{INDEX}.xz") in found(standing.verify())
    standing.server.instead = {f"{SUITE}/InRelease": b"an old one"}
    standing.age(f"{SUITE}/InRelease")
    assert found(standing.verify()) == {("not_served", f"{SUITE}/InRelease")}


def test_a_server_that_stumbles_is_asked_again(standing):
    class Once(dict):
        def get(self, key, default=None):
            return self.pop(key, default)

    standing.server.instead = Once({TOOL: 503, f"{INDEX}.gz": 500})
    assert found(standing.verify()) == set()
    assert standing.server.asked.count(TOOL) == 2


def test_where_nobody_answers_the_bucket_is_read_in_place(standing):
    unreachable = ("unreachable", standing.server.url)
    standing.server.instead = {f"{SUITE}/InRelease": 502}  # a proxy whose web process is away
    assert found(standing.verify()) == {unreachable}
    standing.server.stop()
    assert found(standing.verify()) == {unreachable}
    standing.corrupt(TOOL)
    standing.corrupt(f"{INDEX}.gz")
    assert found(standing.verify()) == {unreachable, ("pool_differs", TOOL), ("index_differs", f"{INDEX}.gz")}


def test_a_suite_that_is_being_published_is_not_judged(standing):
    lease = standing.stack.table.take_lease("publish:stable", "another", 60)
    assert found(standing.verify()) == set()
    standing.path(f"{INDEX}.gz").unlink()
    with pytest.raises(LeaseBusy):
        standing.verify()
    standing.stack.table.release_lease(lease)
    assert found(standing.verify()) == {("index_missing", f"{INDEX}.gz")}


def test_an_unknown_suite_is_refused(standing):
    with pytest.raises(PackageRefused):
        standing.verify("nowhere")


def test_a_suite_that_was_never_published_is_named(standing):
    with_another_suite(standing)
    verification = standing.verify("next")
    assert ("release_missing", "dists/next/InRelease") in found(verification)
    assert {finding.suite for finding in verification.findings} == {"next"}


def test_people_are_told_once_of_each_matter_and_it_is_settled_when_it_is_over(standing):
    def matters():
        open_ones = Notice.objects.filter(kind="verification_failed", settled=None)
        return set(open_ones.values_list("subject", flat=True))

    standing.verify()
    assert matters() == set()
    body = standing.path(TOOL).read_bytes()
    standing.corrupt(TOOL)
    standing.path(f"{INDEX}.gz").unlink()
    Package.objects.filter(package_name="other").delete()
    standing.verify()
    standing.verify()
    assert matters() == {"suite stable", "pool files", "repository"}
    assert {notice.times for notice in Notice.objects.filter(kind="verification_failed")} == {2}
    assert TOOL in Notice.objects.get(subject="pool files").text
    standing.corrupt(TOOL, body)
    publish("stable", Silent())
    standing.verify(pool=PoolScope.SAMPLE, sample=1)
    assert matters() == {"pool files", "repository"}
    standing.verify()
    assert matters() == {"repository"}


def test_the_real_pages_serve_what_the_bucket_has(standing, live_server, settings):
    settings.PUBLIC_URL = f"{live_server.url}/repository"
    publish("stable", Silent())
    assert found(verify_repository([], Silent(), pool=PoolScope.ALL)) == set()


def test_what_a_retired_suite_has_left_is_the_sweeps_and_its_snapshots_stay(standing):
    with_another_suite(standing)
    publish("next", Silent())
    create_snapshot("next", "q4", Silent())
    standing.stack.configure(suites=[{"architectures": ["amd64", "arm64"]}])
    standing.corrupt("dists/next/junk", b"junk")
    assert found(standing.verify()) == {("stray", "dists/next/junk")}
    for key, _ in standing.stack.bucket.keys("dists/next/"):
        if not key.startswith("dists/next/snapshots/"):
            standing.stack.bucket.delete(key)
    assert found(standing.verify()) == set()
