"""What suites have left that are configured no more: it goes after the days, and only what is ours of it."""

import os
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from packages_app.core.errors import LeaseBusy
from packages_app.core.ports import Silent
from packages_app.models import Publication
from packages_app.publishing.kept_contents import contents_of
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.adapters import Ports
from packages_app.services.archives import entered, present_archive
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.publication.publish import publish
from packages_app.services.snapshots.snapshots import create_snapshot
from packages_app.services.sweep import sweep
from packages_app.signing.openpgp import generate_key
from repomgr.archives import read_archives
from tests.commands.calling import call
from tests.debs import build_deb
from tests.reader import read_everything
from tests.services.test_sweep import Between

ADDRESS = "https://apt.example.org/snapshots/@SNAPSHOTID@/"
BOTH = [{}, {"name": "testing", "codename": "next"}]
FOLDER, MARK = "dists/testing/", "retired/testing"


def keyring():
    return adapters.signer().public_keyring()


def in_days(days):
    return datetime.now(UTC) + timedelta(days=days)


def held(store, prefix=""):
    return {key: store.read(key) for key, _ in store.keys(prefix)}


def everything(stack):
    return held(stack.bucket), held(stack.staging)


@pytest.fixture(params=["embedded", "distributed"])
def retired(request, tmp_path):
    """A suite with two publications and a snapshot, retired, beside a folder of another tool."""
    stack = request.getfixturevalue(request.param)
    stack.configure(suites=BOTH, snapshots_address=ADDRESS)
    (stack.config / "packages" / "kiro-repo.yaml").unlink()
    stack.define_uploads("tool", suites=["stable", "testing"])
    for version in ("1.0", "1.1"):
        deb = build_deb(tmp_path, "tool", version)
        stage_upload(deb, deb.name)
        assert {(job.state, job.error) for job in stack.run_jobs()} == {("done", "")}
    create_snapshot("testing", "q4", Silent())
    stack.bucket.put("dists/theirs/InRelease", stack.bucket.read("dists/stable/InRelease"))  # which the table knows not
    stack.bucket.put("dists/theirs/main/binary-amd64/Packages", b"")
    stack.bucket.put(f"{FOLDER}README", b"by hand")
    stack.define_uploads("tool")
    stack.configure(suites=[{}])
    return stack


def test_a_retired_suite_goes_after_the_days_and_its_snapshots_and_what_others_wrote_stay(retired):
    before = everything(retired)
    kept = {key for key in before[0] if not key.startswith(FOLDER)} | {f"{FOLDER}README"}
    kept |= {key for key in before[0] if key.startswith(f"{FOLDER}snapshots/q4/")}
    shown = contents_of(retired.bucket, retired.staging, "testing", digest_of_newest())
    result = sweep(Silent(), dry_run=True)
    assert everything(retired) == before
    assert sweep(Silent()) | {"dry_run": True} == result
    assert (result["retired"]["objects"], len(result["kept_back"])) == (0, 1)
    assert result["kept_back"][0].startswith("suite theirs:")
    assert sweep(Silent(), now=in_days(13))["retired"]["objects"] == 0
    after = everything(retired)
    assert (after[0], [key for key in after[1].keys() - before[1].keys() if "testing" in key]) == (before[0], [MARK])
    for key, _ in retired.staging.keys("contents/testing/"):
        retired.staging.delete(key)  # what is lost is read out of the indexes while they are there
    after = everything(retired)
    planned = sweep(Silent(), dry_run=True, now=in_days(15))
    assert everything(retired) == after
    assert sweep(Silent(), now=in_days(15)) | {"dry_run": True} == planned
    assert retired.bucket.read(f"{FOLDER}README") == b"by hand"
    assert held(retired.bucket) == {key: body for key, body in before[0].items() if key in kept}
    assert planned["retired"]["objects"] == len(before[0].keys() - kept)
    assert [line.split(":")[0] for line in planned["kept_back"]] == ["suite testing", "suite theirs"]
    assert {key[1] for key in read_everything(retired.bucket, keyring(), "testing/snapshots/q4")} == {"1.0", "1.1"}
    assert {key[1] for key in read_everything(retired.bucket, keyring())} == {"1.0", "1.1"}
    assert [*retired.staging.keys("releases/testing/"), *retired.staging.keys("shards/testing/")] == []
    assert contents_of(retired.bucket, retired.staging, "testing", digest_of_newest()) == shown
    assert "testing" in retired.table.suites_given()


def digest_of_newest():
    return Publication.objects.filter(suite="testing").order_by("-pk")[0].release_sha256[:16]


def test_the_mark_goes_with_the_last_that_it_is_needed_for_or_once_the_suite_is_back(retired):
    sweep(Silent())
    retired.bucket.delete(f"{FOLDER}README")
    for _ in range(2):
        sweep(Silent(), now=in_days(15))
    assert retired.staging.head(MARK) is not None  # what its publications held can be looked at
    Publication.objects.filter(suite="testing").delete()
    for _ in range(3):
        sweep(Silent(), now=in_days(400))
    assert [key for key, _ in retired.staging.keys("") if "testing" in key] == []
    retired.configure(suites=BOTH)
    publish("testing", Silent())
    retired.configure(suites=[{}])
    sweep(Silent())
    assert retired.staging.head(MARK) is not None
    retired.configure(suites=BOTH)
    sweep(Silent())
    assert retired.staging.head(MARK) is None
    assert len(read_everything(retired.bucket, keyring(), "testing")) == 2


def test_what_was_published_since_or_by_others_or_is_still_valid_stays(embedded, settings):
    embedded.configure(suites=[{}, BOTH[1] | {"valid_days": 60}])
    publish("testing", Silent())
    embedded.configure(suites=[{}])
    sweep(Silent())
    assert sweep(Silent(), now=in_days(59))["retired"]["objects"] == 0
    embedded.configure(suites=BOTH)  # back, published, and retired again, with no sweep between
    publish("testing", Silent(), options=PublicationOptions(resign=True))
    embedded.configure(suites=[{}])
    before = held(embedded.bucket)
    sweep(Silent(), now=in_days(61))
    assert held(embedded.bucket) == before
    good = embedded.bucket.read(f"{FOLDER}InRelease")
    anothers = generate_key("Another archive")
    own, settings.SIGNING_KEY = settings.SIGNING_KEY, anothers
    embedded.bucket.put(f"{FOLDER}InRelease", adapters.signer().sign_clear(b"Suite: testing\n"))
    settings.SIGNING_KEY = own
    before = held(embedded.bucket)
    assert sweep(Silent(), now=in_days(61))["kept_back"][1].startswith("suite testing:")
    assert held(embedded.bucket) == before
    embedded.bucket.put(f"{FOLDER}InRelease", good)
    settings.SIGNING_KEY = anothers  # a key that came later: what staging kept is ours all the same
    embedded.staging.delete(MARK)
    sweep(Silent())
    release = settings.BUCKET.path / f"{FOLDER}Release"
    os.utime(release, (in_days(60).timestamp(),) * 2)  # put back from a backup a day ago
    assert sweep(Silent(), now=in_days(61))["retired"]["objects"] == 0
    os.utime(release)
    assert sweep(Silent(), now=in_days(61))["retired"]["objects"] > 0
    assert held(embedded.bucket, FOLDER) == {}


def test_a_suite_that_is_being_published_or_was_just_brought_back_is_not_swept(embedded):
    embedded.configure(suites=BOTH)
    publish("testing", Silent())
    embedded.configure(suites=[{}])
    sweep(Silent())
    before, table = held(embedded.bucket), embedded.table
    lease = table.take_lease("publish:testing", "a publisher", 60)
    with pytest.raises(LeaseBusy):
        sweep(Silent(), now=in_days(15))
    table.release_lease(lease)

    def take_lease(name, *arguments):
        if name == "publish:testing":
            embedded.configure(suites=BOTH)
        return table.take_lease(name, *arguments)

    with adapters.given(Ports(Between(table, take_lease=take_lease), embedded.bucket, embedded.staging)):
        sweep(Silent(), now=in_days(15))
    assert held(embedded.bucket) == before


def test_a_pool_file_that_the_retired_suite_alone_named_is_an_orphan_from_then_on(embedded, tmp_path, settings):
    embedded.configure(suites=BOTH)
    embedded.define_uploads("tool", suites=["testing"])
    stage_upload(build_deb(tmp_path, "tool", "1.0"), "tool_1.0_amd64.deb")
    embedded.run_jobs()
    publish("stable", Silent())
    [path] = [record.pool_path for record in embedded.records()]
    with sqlite3.connect(settings.PACKAGE_TABLE.path) as table:
        table.execute("DELETE FROM records")
    embedded.configure(suites=[{}])
    orphans = [sweep(Silent(), now=in_days(15), dry_run=dry_run)["pool"]["objects"] for dry_run in (False, True, False)]
    assert orphans == [0, 1, 1]
    assert embedded.bucket.head(path) is None


def test_of_two_archives_each_takes_what_its_own_suites_have_left(embedded, settings):
    settings.ARCHIVES = read_archives("default: {}\nacme: {}", present_archive(), ())
    call("init", "--archive", "acme", "--name", "Acme", "--suites", "stable,testing")
    call("create_storage", "--archive", "acme")
    embedded.configure(suites=BOTH)
    for archive in ("acme", "default"):
        with entered(archive):
            publish("testing", Silent())
    embedded.configure(suites=[{}])
    with entered("acme"):
        before = held(adapters.bucket())
    left = []
    for archive, now in ((archive, now) for now in (in_days(0), in_days(15)) for archive in ("acme", "default")):
        with entered(archive):
            sweep(Silent(), now=now)
            left.append(len([*adapters.bucket().keys(FOLDER)]))
    assert (left[0] == left[2] > 0, left[3]) == (True, 0)
    with entered("acme"):
        assert held(adapters.bucket()) == before
        assert [*adapters.staging().keys("retired/")] == []
