"""From an uploaded build to what a client reads."""

import random
from datetime import timedelta

import pytest

from packages_app.core.errors import InvalidDeb, PackageRefused
from packages_app.models import Conflict, Job, Package, Publication
from packages_app.services import adapters
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from tests.debian.parts import BINARY
from tests.debs import ar_archive, build_deb, tar_archive
from tests.reader import read_everything, read_suite


def keyring():
    return adapters.signer().public_keyring()


def stored(stack):
    """Every object of both stores and every record: what a refusal must leave as it was."""
    objects = [list(store.keys("")) for store in (stack.bucket, stack.staging)]
    return objects, stack.records(), Job.objects.count()


def test_an_upload_is_recorded_mirrored_published_and_readable(embedded, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.2+dfsg-1~rc1", Depends="libc6 (>= 2.34)")
    upload = stage_upload(deb, deb.name)
    done = embedded.run_jobs()
    assert [(job.kind, job.state) for job in done] == [("intake_upload", "done"), ("publish", "done")]
    upload.refresh_from_db()
    key = {"package": "tool", "version": "1.2+dfsg-1~rc1", "architecture": "amd64"}
    assert upload.result == {**key, "suites": ["stable"], "new": True}
    [record] = embedded.records()
    assert record.pool_path == "pool/main/t/tool/tool_1.2+dfsg-1~rc1_amd64.deb"
    assert record.depends == "libc6 (>= 2.34)"
    assert Package.objects.get().version == "1.2+dfsg-1~rc1"
    assert read_everything(embedded.bucket, keyring()) == {("tool", "1.2+dfsg-1~rc1", "amd64")}
    assert list(embedded.staging.keys("uploads/")) == []
    assert Publication.objects.get().added == ["tool 1.2+dfsg-1~rc1 amd64"]


def test_the_same_upload_again_changes_nothing(embedded, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    before = embedded.dists(), embedded.records()
    stage_upload(deb, deb.name)
    [job] = embedded.run_jobs()
    assert job.result["new"] is False
    assert (embedded.dists(), embedded.records()) == before


def test_the_same_version_with_other_bytes_is_a_conflict_that_changes_nothing(embedded, tmp_path):
    embedded.define_uploads("tool")
    first = build_deb(tmp_path / "first", "tool", "1.0")
    other = build_deb(tmp_path / "other", "tool", "1.0", files={"usr/share/tool": b"other"})
    stage_upload(first, first.name)
    embedded.run_jobs()
    before = embedded.dists(), embedded.records()
    stage_upload(other, other.name)
    [job] = embedded.run_jobs()
    assert (job.state, job.error_code) == ("failed", "version_conflict")
    assert (embedded.dists(), embedded.records()) == before
    conflict = Conflict.objects.get()
    assert conflict.known_sha256 == before[1][0].sha256_hash
    assert embedded.staging.read(conflict.quarantined) == other.read_bytes()


def test_an_upload_to_another_suite_adds_the_package_there(embedded, tmp_path):
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    stage_upload(deb, deb.name, suite="testing")
    embedded.run_jobs()
    assert embedded.records()[0].suites == ("stable", "testing")
    for suite in ("stable", "testing"):
        assert read_everything(embedded.bucket, keyring(), suite) == {("tool", "1.0", "amd64")}


def test_an_all_package_is_offered_to_every_architecture(embedded, tmp_path):
    embedded.define_uploads("docs", architecture="all")
    deb = build_deb(tmp_path, "docs", "1.0", "all")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    assert set(read_suite(embedded.bucket, keyring())) == {("docs", "1.0", "amd64"), ("docs", "1.0", "arm64")}


@pytest.mark.parametrize(
    ("filename", "said"),
    [
        ("../tool_1.0_amd64.deb", "holds a path"),
        ("/etc/tool.deb", "holds a path"),
        ("..\\tool.deb", "holds a path"),
        (".deb", "holds a path"),
        ("tool.txt", "is not named .deb"),
    ],
)
def test_a_file_name_that_holds_a_path_is_refused_before_anything_is_stored(embedded, tmp_path, filename, said):
    embedded.define_uploads("tool")
    before = stored(embedded)
    with pytest.raises(PackageRefused, match=said):
        stage_upload(build_deb(tmp_path, "tool", "1.0"), filename)
    assert stored(embedded) == before


def refuse(stack, path, error, said, **options):
    before = stored(stack)
    with pytest.raises(error, match=said) as refused:
        stage_upload(path, "package.deb", **options)
    assert refused.value.remedy
    assert stored(stack) == before


def test_what_is_no_deb_is_refused_before_anything_is_stored(embedded, tmp_path):
    embedded.define_uploads("tool")
    sound = build_deb(tmp_path, "tool", "1.0").read_bytes()
    for name, body in (("page", b"<html>Not found</html>"), ("cut", sound[:-50]), ("empty", b"")):
        path = tmp_path / name
        path.write_bytes(body)
        refuse(embedded, path, InvalidDeb, "no .deb|truncated")


def test_a_package_that_does_not_belong_is_refused_before_anything_is_stored(embedded, tmp_path):
    embedded.define_uploads("tool")
    endpoint = {"type": "external_download", "endpoint": "https://example.org/feed.json"}
    embedded.define("fed", endpoint, enabled=False)
    refuse(embedded, build_deb(tmp_path, "stranger", "1.0"), PackageRefused, "stranger is not one that takes uploads")
    refuse(embedded, build_deb(tmp_path, "fed", "1.0"), PackageRefused, "fed is not one that takes uploads")
    refuse(embedded, build_deb(tmp_path, "tool", "1.0", "arm64"), PackageRefused, "its architecture is arm64")
    sound = build_deb(tmp_path, "tool", "1.0")
    refuse(embedded, sound, PackageRefused, "nowhere is no suite", suite="nowhere")
    refuse(embedded, sound, PackageRefused, "extra is not in suite", component="extra")


def test_packages_of_one_definition_are_taken_by_their_names(embedded, tmp_path):
    embedded.define_uploads("tool", packages=["tool-doc"], architecture=["amd64", "all"], allow=["essential"])
    for path in (
        build_deb(tmp_path, "tool", "1.0"),
        build_deb(tmp_path, "tool-doc", "1.0", "all", Essential="yes"),
    ):
        stage_upload(path, path.name)
    assert {job.state for job in embedded.run_jobs()} == {"done"}  # what the definition allows holds for each
    assert {record.package_name for record in embedded.records()} == {"tool", "tool-doc"}
    other = build_deb(tmp_path, "tool-dev", "1.0")
    with pytest.raises(PackageRefused, match="tool-dev"):
        stage_upload(other, other.name)


def test_what_a_control_paragraph_lacks_comes_from_the_definition(embedded, tmp_path):
    embedded.define_uploads("tool", maintainer="Us <us@example.org>", description="what we say of it")
    control = b"Package: tool\nVersion: 1.0\nArchitecture: amd64\nDescription:\nX-Note:\n kept\n"
    path = tmp_path / "tool.ddeb"
    data = ("data.tar", tar_archive({"./usr/x": b"x"}))
    path.write_bytes(ar_archive(BINARY, ("control.tar", tar_archive({"./control": control})), data))
    stage_upload(path, path.name)
    embedded.run_jobs()
    [record] = embedded.records()
    assert (record.maintainer, record.description) == ("Us <us@example.org>", "what we say of it")
    [entry] = read_suite(embedded.bucket, keyring()).values()
    said = (entry["Maintainer"], entry["Description"], entry["X-Note"].strip())
    assert said == ("Us <us@example.org>", "what we say of it", "kept")


def test_a_package_that_clients_do_not_read_is_refused_by_its_field_before_anything_is_stored(embedded, tmp_path):
    embedded.define_uploads("tool")
    for field, value in (("Depends", "libc6,, x"), ("Section", "x" * 70_000), ("Essential", "maybe"), ("Status", "x")):
        refuse(embedded, build_deb(tmp_path, "tool", "1.0", **{field: value}), InvalidDeb, field)


def test_the_size_that_a_package_claims_never_reaches_an_index(embedded, tmp_path):
    embedded.define_uploads("tool")
    path = build_deb(tmp_path, "tool", "1.0", **{"Checksum-FileSize": "1", "SHA512": "0" * 128, "Size": "1"})
    upload = stage_upload(path, path.name)
    embedded.run_jobs()
    upload.refresh_from_db()
    assert "tool 1.0 amd64 says Checksum-FileSize, SHA512, Size of itself" in str(upload.steps)
    [entry] = read_suite(embedded.bucket, keyring()).values()
    assert (entry["Size"], entry.get("Checksum-FileSize"), entry.get("SHA512")) == (
        str(path.stat().st_size),
        None,
        None,
    )


def test_a_package_that_its_suite_has_no_index_for_is_refused_with_what_it_has(embedded, tmp_path):
    embedded.configure(suites=[{"architectures": ["amd64"]}, {"name": "edge", "codename": "edge"}])
    embedded.define_uploads("tool", architecture=["amd64", "arm64"])
    deb = build_deb(tmp_path, "tool", "1.0", "arm64")
    before = stored(embedded)
    with pytest.raises(PackageRefused) as refused:
        stage_upload(deb, deb.name)
    assert "stable" in refused.value.message
    assert "amd64" in refused.value.remedy
    assert stored(embedded)[1] == before[1]
    upload = stage_upload(deb, deb.name, suite="edge")
    embedded.run_jobs()
    upload.refresh_from_db()
    assert upload.result["architecture"] == "arm64"


def test_a_definition_with_a_fault_is_named_in_place_of_those_that_there_are(embedded, tmp_path):
    path = embedded.define_uploads("tool", architecture="armhf")
    deb = build_deb(tmp_path, "tool", "1.0", "armhf")
    with pytest.raises(PackageRefused) as refused:
        stage_upload(deb, deb.name)
    assert path.name in refused.value.message
    assert "armhf" in refused.value.message
    assert "arm64" in refused.value.remedy


def test_a_package_whose_record_no_table_keeps_is_refused_before_anything_is_stored(embedded, tmp_path):
    embedded.define_uploads("tool")
    noise = random.Random(1).randbytes(420_000).hex()
    deb = build_deb(tmp_path, "tool", "1.0", Description=f"a tool\n {noise}")
    job = stage_upload(deb, deb.name)
    embedded.run_jobs()
    job.refresh_from_db()
    assert (job.state, job.error_code, "the package table keeps" in job.error) == ("failed", "package_refused", True)
    assert list(embedded.bucket.keys("pool/")) == []
    assert embedded.records() == []


def test_a_refused_upload_started_again_once_its_file_is_gone_says_what_is_true(embedded, tmp_path):
    embedded.define_uploads("tool")
    first = build_deb(tmp_path / "first", "tool", "1.0")
    other = build_deb(tmp_path / "other", "tool", "1.0", files={"usr/share/tool": b"other"})
    stage_upload(first, first.name)
    embedded.run_jobs()
    refused = stage_upload(other, other.name)
    embedded.run_jobs()
    embedded.staging.delete(refused.arguments["staged"])
    again = queue.enqueue(Job.Kind.UPLOAD, refused.arguments)
    embedded.run_jobs()
    again.refresh_from_db()
    assert (again.state, again.error_code) == ("failed", "object_not_found")
    assert refused.arguments["sha256"] in again.error
    [record] = embedded.records()
    assert record.sha256_hash in again.error


def test_an_upload_started_again_whose_bytes_came_in_meanwhile_is_done_and_not_new(embedded, tmp_path):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    done = stage_upload(deb, deb.name)
    embedded.run_jobs()
    again = queue.enqueue(Job.Kind.UPLOAD, done.arguments)
    embedded.run_jobs()
    again.refresh_from_db()
    assert (again.state, again.result["new"]) == ("done", False)


@pytest.mark.parametrize(
    ("asked_before_it_came_in", "staged_file_is_gone"), [(True, False), (False, False), (False, True)]
)
def test_an_upload_begun_again_is_new_where_it_has_come_in_since_it_was_asked_for(
    embedded, tmp_path, asked_before_it_came_in, staged_file_is_gone
):
    embedded.define_uploads("tool")
    deb = build_deb(tmp_path, "tool", "1.0")
    stage_upload(deb, deb.name)
    embedded.run_jobs()
    job = stage_upload(deb, deb.name)
    if staged_file_is_gone:
        embedded.staging.delete(job.arguments["staged"])
    asked = job.created + timedelta(minutes=-1 if asked_before_it_came_in else 1)
    Job.objects.filter(pk=job.pk).update(tries=1, created=asked)  # as waking leaves one whose worker died
    [job] = embedded.run_jobs()
    assert (job.state, job.result["new"]) == ("done", asked_before_it_came_in)
