"""One version built for several suites: from its definition to its clients, and all that may happen to it then."""

import hashlib

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission

from packages_app.core.builds import OtherBuild
from packages_app.core.errors import PackageRefused, RightMissing
from packages_app.core.ports import Silent
from packages_app.core.snapshot import SnapshotRefused
from packages_app.core.suite_change import VersionPurged, What
from packages_app.models import Conflict, DefinitionStatus, Package, Publication
from packages_app.services import adapters
from packages_app.services.intake.settle_builds import request_two_builds, suites_free_for
from packages_app.services.intake.sync import sync_packages
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.lifecycle.history import history_of
from packages_app.services.lifecycle.move import keys_selected, preview_move
from packages_app.services.lifecycle.retention import plan_retention
from packages_app.services.lifecycle.steps import Move
from packages_app.services.mirror.definitions import mirror_definitions
from packages_app.services.mirror.packages import mirror_differences, reconcile_mirror
from packages_app.services.mirror.side_by_side import Difference, side_by_side
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.snapshots.compose import plan_snapshot, recipe_of
from packages_app.services.verification.verify import verify_repository
from tests.commands.calling import call, refused
from tests.debs import build_deb
from tests.github_server import GitHub
from tests.reader import read_suite
from tests.services.lifecycle.test_move import do, indexes

SUITES = [{"name": name, "codename": name} for name in ("stable", "noble", "bookworm", "testing")]
BUILDS = {"noble": "*_noble_*.deb", "bookworm": "*_bookworm_*.deb"}
NOBLE, BOOKWORM = ("tool#1.0", "amd64#noble"), ("tool#1.0", "amd64#bookworm")


def deb_for(folder, label, version="1.0", **fields):
    """A package as a vendor names it that builds one for each distribution."""
    deb = build_deb(folder / (label or "plain"), "tool", version, Description=f"built for {label}", **fields)
    return deb.rename(deb.with_name(f"tool_{version}_{label}_amd64.deb")) if label else deb


def upload(stack, deb, **more):
    job = stage_upload(deb, deb.name, **more)
    stack.run_jobs()
    job.refresh_from_db()
    return job


def sees(stack, suite):
    """What clients of a suite get: the SHA256 of each version's file, which is seen to be there."""
    found = read_suite(stack.bucket, adapters.signer().public_keyring(), suite)
    for stanza in found.values():
        assert hashlib.sha256(stack.bucket.read(stanza["Filename"])).hexdigest() == stanza["SHA256"]
    return {version: stanza["SHA256"] for (_, version, _), stanza in found.items()}


def digest(deb):
    return hashlib.sha256(deb.read_bytes()).hexdigest()


@pytest.fixture
def vendor(embedded, tmp_path):
    """A package with two builds of 1.0, by its definition alone; gives the stack and the files."""
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool", suites=["stable"], builds=BUILDS)
    noble, bookworm = deb_for(tmp_path, "noble"), deb_for(tmp_path, "bookworm")
    assert [upload(embedded, deb).state for deb in (noble, bookworm)] == ["done", "done"]
    return embedded, noble, bookworm


def test_a_definition_alone_gives_each_suite_its_build(served, vendor, tmp_path):
    stack, noble, bookworm = vendor
    assert [record.key for record in stack.records()] == [BOOKWORM, NOBLE]
    paths = [record.pool_path for record in stack.records()]
    assert paths == [f"pool/main/t/tool/{label}/tool_1.0_amd64.deb" for label in ("bookworm", "noble")]
    assert [sees(stack, suite) for suite in ("noble", "bookworm")] == [
        {"1.0": digest(noble)},
        {"1.0": digest(bookworm)},
    ]
    before = stack.dists(), stack.records()
    assert [upload(stack, deb).result["new"] for deb in (noble, bookworm)] == [False, False]
    job = upload(stack, deb_for(tmp_path / "again", "noble", Section="net"))
    assert (job.state, job.error_code) == ("failed", "version_conflict")
    mirror_definitions()
    told = DefinitionStatus.objects.get(name="tool")
    assert (told.suites, told.settings["build noble"]) == ("stable noble bookworm", "*_noble_*.deb to noble")
    assert Conflict.objects.get().built_for == "amd64#noble"
    assert (stack.dists(), stack.records()) == before
    assert mirror_differences(stack.table.all_records()) == []
    Package.objects.all().delete()
    reconcile_mirror(Silent())
    assert sorted(Package.objects.values_list("architecture", "build")) == [("amd64", "bookworm"), ("amd64", "noble")]
    listed = indexes(stack)
    force_rebuild([], Silent())
    assert {key: body for key, body in indexes(stack).items() if key in listed} == listed
    assert list(verify_repository([], Silent()).findings) == []


def test_a_release_with_two_builds_is_checked_upstream_and_known_afterwards(embedded, tmp_path):
    embedded.configure(suites=SUITES)
    with GitHub() as github:
        github.release("v1.0", deb_for(tmp_path, "noble"), deb_for(tmp_path, "bookworm"))
        source = {"type": "github_release", "repository": "owner/tool", "api": github.url}
        embedded.define("tool", source, builds=BUILDS)
        added = sync_packages([], Silent())["added"]
        assert sorted(added) == ["tool 1.0 amd64#bookworm", "tool 1.0 amd64#noble"]
        again = sync_packages([], Silent())
        assert (again["added"], again["known"]) == ([], 2)
    assert [record.suites for record in embedded.records()] == [("bookworm",), ("noble",)]


def test_the_label_of_an_upload_and_who_may_choose_it(embedded, tmp_path):
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool", suites=["stable"], builds=BUILDS)
    uploader = get_user_model().objects.create_user("uploader")
    uploader.user_permissions.add(Permission.objects.get(codename="upload_package"))
    plain = deb_for(tmp_path, "")
    with pytest.raises(RightMissing):
        stage_upload(plain, plain.name, build="noble", user=uploader)
    with pytest.raises(PackageRefused):
        stage_upload(plain, plain.name, build="No Label")
    assert upload(embedded, deb_for(tmp_path, "bookworm"), user=uploader).state == "done"
    call("upload_deb", plain, "--build", "noble", "--no-publish")
    assert [record.key for record in embedded.records()] == [BOOKWORM, NOBLE]
    assert refused("upload_deb", plain, "--build", "a/b").returncode == 2


def test_a_second_build_comes_into_no_suite_of_the_first(vendor, tmp_path):
    stack, noble, _ = vendor
    plain = deb_for(tmp_path, "")
    assert upload(stack, plain).state == "done"
    seen = sees(stack, "stable")
    with pytest.raises(OtherBuild):
        preview_move(Move(What.PROMOTED, (NOBLE,), to="stable"))
    assert refused("promote", "tool, $Build (noble)", "--to", "stable", "--yes").code == "other_build"
    with pytest.raises(OtherBuild):  # neither was there, but only one may come
        preview_move(Move(What.PROMOTED, (NOBLE, BOOKWORM), to="testing"))
    do(stack, What.WITHDRAWN, "tool, !$Build", "stable")
    assert sees(stack, "stable") == {}
    with pytest.raises(OtherBuild):  # clients may have it still
        preview_move(Move(What.PROMOTED, (NOBLE,), to="stable"))
    job = upload(stack, deb_for(tmp_path / "third", "x"), suite="stable", build="x")
    assert (job.state, job.error_code) == ("failed", "other_build")
    assert not list(stack.bucket.keys("pool/main/t/tool/x/"))
    do(stack, What.RESTORED, "tool, !$Build", reason="")
    assert sees(stack, "stable") == seen
    do(stack, What.PROMOTED, "tool, $Build (noble)", to="testing", reason="")
    assert sees(stack, "testing") == {"1.0": digest(noble)}


def test_builds_are_withdrawn_by_label_or_all_at_once_and_rolled_back(vendor):
    stack, _, bookworm = vendor
    assert keys_selected("tool_1.0_amd64#noble") == keys_selected("$Build (noble)") == [NOBLE]
    assert sorted(keys_selected("tool_1.0_amd64")) == sorted(keys_selected("tool (= 1.0)")) == [BOOKWORM, NOBLE]
    assert call("packages", "$Build (% n*)") == "tool 1.0 amd64#noble\n"
    published = Publication.objects.filter(suite="noble").first()
    before = indexes(stack)
    do(stack, What.WITHDRAWN, "$Build (noble)")
    assert (sees(stack, "noble"), sees(stack, "bookworm")) == ({}, {"1.0": digest(bookworm)})
    row = Package.objects.get(build="noble")
    assert ["withdrawn" in line for line in history_of(row)] == [False, True]
    assert ["withdrawn" in line for line in history_of(Package.objects.get(build="bookworm"))] == [False]
    assert "amd64#noble" in call("rollback", "noble", published.pk, "--reason", "too soon", "--yes")
    assert indexes(stack) == before
    do(stack, What.WITHDRAWN, "tool (= 1.0)")
    assert (sees(stack, "noble"), sees(stack, "bookworm")) == ({}, {})
    do(stack, What.RESTORED, "tool (= 1.0)", reason="")
    assert indexes(stack) == before
    shown = call("diff", "noble", "bookworm")
    assert "tool 1.0 amd64#noble" in shown
    assert "tool 1.0 amd64#bookworm" in shown
    [row] = side_by_side("noble", "stable", Difference.ONLY_LEFT).rows
    assert row.key == "tool 1.0 amd64#noble"


def test_a_build_is_purged_alone_and_for_ever(vendor, tmp_path):
    stack, _, bookworm = vendor
    call("purge", "tool_1.0_amd64#noble", "--reason", "a key is in it", "--name", "tool")
    assert (sees(stack, "noble"), sees(stack, "bookworm")) == ({}, {"1.0": digest(bookworm)})
    assert [key for key, _ in stack.bucket.keys("pool/")] == ["pool/main/t/tool/bookworm/tool_1.0_amd64.deb"]
    assert [*Package.objects.values_list("build", flat=True)] == ["bookworm"]
    for label, more in (("noble", {}), ("x", {"build": "x", "suite": "testing"})):
        job = upload(stack, deb_for(tmp_path / "again", label, Section="net"), **more)
        assert (job.state, job.error_code) == ("failed", VersionPurged.code), job.error
    assert upload(stack, bookworm).result["new"] is False


def test_retention_and_snapshots_know_a_build_by_its_key(vendor, tmp_path):
    stack, *_ = vendor
    call("snapshot", "create", "noble", "first")
    filtered = plan_snapshot(recipe_of("some", ["noble"], query="tool"))
    assert ([one.entry.key for one in filtered.placed], filtered.lost) == ([NOBLE], ())
    with pytest.raises(SnapshotRefused):  # as of a suite, clients get one build of a version
        plan_snapshot(recipe_of("both", ["noble", "bookworm"]))
    stack.configure(suites=[{**suite, "retain": {"newest": 1}} for suite in SUITES])
    assert upload(stack, deb_for(tmp_path, "", "2.0"), suite="noble").state == "done"
    assert plan_retention("noble").going == ()
    call("snapshot", "delete", "noble", "first", "--yes")
    assert [one.key for one in plan_retention("noble").going] == [NOBLE]


def test_a_conflict_is_settled_as_two_builds(embedded, served, tmp_path):
    embedded.configure(suites=SUITES)
    embedded.define_uploads("tool", suites=["stable"])
    first, second = deb_for(tmp_path, ""), deb_for(tmp_path, "noble")
    assert upload(embedded, first).state == "done"
    assert upload(embedded, second).error_code == "version_conflict"
    conflict, known = Conflict.objects.get(), embedded.records()
    assert suites_free_for(conflict) == ["noble", "bookworm", "testing"]
    before = indexes(embedded)
    refusals = [("N", ["noble"]), ("noble", []), ("noble", ["nowhere"])]
    for build, suites, error in (*((*one, PackageRefused) for one in refusals), ("noble", ["stable"], OtherBuild)):
        with pytest.raises(error):
            request_two_builds(conflict, build, suites, None)
    request_two_builds(conflict, "noble", ["noble", "testing"], None)
    assert [job.state for job in embedded.run_jobs()] == ["done"] * 3
    conflict.refresh_from_db()
    assert conflict.settled
    assert sees(embedded, "noble") == sees(embedded, "testing") == {"1.0": digest(second)}
    assert sees(embedded, "stable") == {"1.0": digest(first)}
    after = indexes(embedded)
    assert {key: body for key, body in after.items() if "/stable/" in key} == {
        key: body for key, body in before.items() if "/stable/" in key
    }
    assert embedded.records()[:1] == known
    assert not list(embedded.staging.keys("quarantine/"))
    with pytest.raises(PackageRefused):  # its file is in the pool by now
        request_two_builds(conflict, "bookworm", ["bookworm"], None)
    # Nobody has said that no client reads both.
    found = {(one.code, one.where) for one in verify_repository([], Silent()).findings}
    meeting = {("builds_meet", f"{suites}: tool 1.0 amd64") for suites in ("noble and stable", "stable and testing")}
    assert {one for one in found if one[0] == "builds_meet"} == meeting
    embedded.define_uploads("tool", suites=["stable"], builds={"noble": {"files": "*n*", "suites": ["noble"]}})
    found = {(one.code, one.where) for one in verify_repository([], Silent()).findings}
    assert {one for one in found if one[0] == "builds_meet"} == {("builds_meet", "stable and testing: tool 1.0 amd64")}
