"""The sweep as a job: what goes, what stays, and who is asked first."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django_celery_beat.models import PeriodicTask

from packages_app import tasks
from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.errors import LeaseBusy, StoreMissing
from packages_app.core.layout import by_hash_path
from packages_app.core.locations import S3Store
from packages_app.core.ports import Silent
from packages_app.indexes.release import parse_release
from packages_app.models import Conflict, Job
from packages_app.publishing.generations import generations
from packages_app.services import adapters
from packages_app.services.adapters import Ports
from packages_app.services.intake.admit import admission_of
from packages_app.services.intake.take_in import StagedFile, TakenIn, take_in
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish
from packages_app.services.setup.schedules import ensure_schedules
from packages_app.services.sweep import keeping, sweep
from packages_app.signing.openpgp import generate_key
from packages_app.sweeping.removal import move_orphans
from packages_app.sweeping.sweep import Sweep
from tests.commands.calling import call
from tests.debs import build_deb
from tests.reader import read_everything
from tests.records import make_record
from tests.stack import point_settings_at

REGION = "eu-central-1"
ORPHAN = "pool/main/o/orphan/orphan_1_all.deb"


class Between:
    """A port, some of whose calls go elsewhere."""

    def __init__(self, port, **calls):
        self._port = port
        vars(self).update(calls)

    def __getattr__(self, name):
        return getattr(self._port, name)


def keyring():
    return adapters.signer().public_keyring()


def in_days(days):
    return datetime.now(UTC) + timedelta(days=days)


@pytest.fixture(params=["embedded", "s3"])
def stack(request, tmp_path, settings, db):
    stores = {}
    if request.param == "s3":
        server, name = request.getfixturevalue("moto"), f"b{uuid.uuid4().hex}"
        stores["bucket"] = S3Store(name, "", REGION, server, "public-read")
        stores["staging"] = S3Store(f"{name}-staging", "private", REGION, server, "")
    made = point_settings_at(settings, tmp_path / "home", **stores)
    settings.SIGNING_KEY = generate_key("Test archive")
    settings.SWEEP_GENERATIONS, settings.SWEEP_DAYS = 2, 14
    made.define_uploads("tool")
    return made


def publish_versions(stack, tmp_path, *versions):
    """Publish versions one after the other; gives each Release as a client holds it."""
    held = []
    for version in versions:
        deb = build_deb(tmp_path, "tool", version)
        stage_upload(deb, deb.name)
        assert {job.state for job in stack.run_jobs()} == {"done"}
        held.append(parse_release(stack.bucket.read("dists/stable/Release")))
    return held


def readable(stack, release):
    """Whether a client that holds this Release gets every index that it names, by hash."""
    for name, entry in release.entries.items():
        key = by_hash_path("stable", name, entry.sha256)
        if stack.bucket.head(key) is None:
            return False
        assert checksums_of_bytes(stack.bucket.read(key)).sha256 == entry.sha256
    return True


def everything(stack):
    return {(store, key): port.read(key) for store, port in (("bucket", stack.bucket), ("staging", stack.staging))
            for key, _ in port.keys("")}  # fmt: skip


def test_old_indexes_go_and_those_that_a_client_may_hold_stay(stack, tmp_path):
    held = publish_versions(stack, tmp_path, "1.0", "1.1", "1.2", "1.3")
    assert sweep(Silent(), now=in_days(13))["by_hash"]["objects"] == 0
    assert [readable(stack, release) for release in held] == [True] * 4
    result = sweep(Silent(), now=in_days(15))
    assert result["by_hash"]["objects"] > 0
    assert result["kept_back"] == []
    assert [readable(stack, release) for release in held] == [False, False, True, True]
    assert len(generations(stack.staging, "stable")) == 2
    assert len(read_everything(stack.bucket, keyring())) == 4
    assert sweep(Silent(), now=in_days(15))["by_hash"]["objects"] == 0
    publish("stable", Silent())
    assert len(read_everything(stack.bucket, keyring())) == 4


def test_a_pool_file_that_any_record_names_stays_and_an_old_orphan_is_moved(stack, tmp_path):
    publish_versions(stack, tmp_path, "1.0", "1.1")
    stack.table.set_suites(stack.records()[0], [])
    publish("stable", Silent())
    incomplete = make_record("bare", sha1_hash="", maintainer="")
    stack.table.put_new(incomplete)
    for key in (incomplete.pool_path, ORPHAN):
        stack.bucket.put(key, b"package")
    before = {key for key, _ in stack.bucket.keys("pool/")}
    assert sweep(Silent(), now=in_days(13))["pool"]["objects"] == 0
    assert {key for key, _ in stack.bucket.keys("pool/")} == before
    now = in_days(15)
    assert sweep(Silent(), now=now)["pool"] == {"objects": 1, "bytes": 7, "first": [ORPHAN]}
    assert {key for key, _ in stack.bucket.keys("pool/")} == before - {ORPHAN}
    assert stack.staging.read(f"swept/{now:%Y%m%d}/{ORPHAN}") == b"package"
    sweep(Silent(), now=in_days(13))
    assert list(stack.staging.keys("swept/")) != []
    sweep(Silent(), now=in_days(15))
    assert list(stack.staging.keys("swept/")) == []


def test_a_pool_file_that_clients_are_told_of_stays_though_its_record_is_lost(stack, tmp_path, settings):
    publish_versions(stack, tmp_path, "1.0", "1.1")
    stack.bucket.put(ORPHAN, b"package")
    settings.PACKAGE_TABLE = type(settings.PACKAGE_TABLE)(tmp_path / "another.sqlite3")
    stack.table.create()
    assert sweep(Silent(), now=in_days(15))["pool"]["first"] == [ORPHAN]
    assert len(read_everything(stack.bucket, keyring())) == 2


def test_a_dry_run_changes_nothing_and_names_what_goes(stack, tmp_path):
    publish_versions(stack, tmp_path, "1.0", "1.1", "1.2", "1.3")
    stack.bucket.put(ORPHAN, b"package")
    stack.staging.put(f"uploads/{uuid.uuid4().hex}/left.deb", b"left")
    before, now = everything(stack), in_days(15)
    lease = stack.table.take_lease("publish:stable", "a publisher", 60)
    planned = sweep(Silent(), dry_run=True, now=now)
    stack.table.release_lease(lease)
    assert everything(stack) == before
    done = sweep(Silent(), now=now)
    assert (planned.pop("dry_run"), done.pop("dry_run")) == (True, False)
    assert planned == done
    gone = {key for _, key in before.keys() - everything(stack).keys()}
    assert gone >= {ORPHAN, *planned["by_hash"]["first"], *planned["staging"]["first"]}
    assert len(gone) == sum(planned[name]["objects"] for name in ("by_hash", "pool", "staging"))


def test_a_suite_whose_inrelease_can_not_be_verified_is_left_alone(stack, tmp_path, settings):
    publish_versions(stack, tmp_path, "1.0", "1.1", "1.2", "1.3")
    stack.bucket.put(ORPHAN, b"package")
    settings.SIGNING_KEY = generate_key("Another archive")
    before = everything(stack)
    kept_back = sweep(Silent(), now=in_days(15))["kept_back"]
    assert [line.split(":")[0] for line in kept_back] == ["suite stable", "pool"]
    assert "no good signature" in kept_back[0]
    assert everything(stack) == before


def test_a_suite_that_is_being_published_is_not_swept(stack, tmp_path):
    publish_versions(stack, tmp_path, "1.0", "1.1", "1.2", "1.3")
    before = everything(stack)
    lease = stack.table.take_lease("publish:stable", "a publisher", 60)
    with pytest.raises(LeaseBusy):
        sweep(Silent(), now=in_days(15))
    assert everything(stack) == before
    stack.table.release_lease(lease)
    stack.table.take_lease("sweep", "another sweep", 60)
    with pytest.raises(LeaseBusy):
        sweep(Silent(), now=in_days(15))
    assert everything(stack) == before


def test_a_suite_configured_no_more_still_protects_its_files(stack, tmp_path):
    stack.configure(suites=[{}, {"name": "testing", "codename": "next"}])
    stack.define_uploads("tool", suites=["testing"])
    stage_upload(build_deb(tmp_path, "tool", "1.0"), "tool_1.0_amd64.deb")
    stack.run_jobs()
    publish("stable", Silent())
    [record] = stack.records()
    stack.configure(suites=[{}])
    stack.bucket.put(ORPHAN, b"package")
    stack.table.set_suites(record, [])
    assert sweep(Silent(), now=in_days(15))["pool"]["first"] == [ORPHAN]
    stack.bucket.put(ORPHAN, b"package")
    stack.bucket.put("dists/testing/InRelease", b"of another tool")
    result = sweep(Silent(), now=in_days(15))
    assert result["pool"]["objects"] == 0
    assert [line.partition(" ")[0] for line in result["kept_back"]] == ["suite", "pool:"]


def test_leftovers_in_staging_go_unless_somebody_still_needs_them(stack, tmp_path):
    def left(prefix):
        key = f"{prefix}/{uuid.uuid4().hex}/tool_1_amd64.deb"
        stack.staging.put(key, b"left")
        return key

    held = publish_versions(stack, tmp_path, "1.0")
    forgotten, ended, waiting, failed = (left("uploads") for _ in range(4))
    Job.objects.create(kind=Job.Kind.UPLOAD, arguments={"staged": ended}, state=Job.State.DONE)
    Job.objects.create(kind=Job.Kind.UPLOAD, arguments={"staged": waiting})
    Job.objects.create(kind=Job.Kind.UPLOAD, arguments={"staged": failed}, state=Job.State.FAILED)
    settled, unsettled = (f"quarantine/tool_{number}_amd64_abc.deb" for number in range(2))
    for key in (settled, unsettled):
        stack.staging.put(key, b"refused")
        Conflict.objects.create(package_name=key, origin="a test", quarantined=key, settled=key == settled)
    build = left("tool")
    answer = "upstream/0123456789abcdef.json"
    stack.staging.put(answer, b"{}")
    assert sweep(Silent(), now=in_days(13))["staging"]["objects"] == 0
    result = sweep(Silent(), now=in_days(15))
    assert sorted(result["staging"]["first"]) == sorted([forgotten, ended, settled, build])
    there = {key for key, _ in stack.staging.keys("")}
    assert there >= {waiting, failed, unsettled, answer}
    assert not there & {forgotten, ended, settled, build}
    assert readable(stack, held[0])


def test_an_intake_that_meets_an_orphan_being_taken_loses_nothing(stack, tmp_path):
    deb = build_deb(tmp_path, "tool", "1.0")
    stack.bucket.put("pool/main/t/tool/tool_1.0_amd64.deb", deb)
    bound = Sweep(stack.table, stack.bucket, stack.staging, keyring(), keeping(), in_days(15), lambda: None)

    def put_many_new(records, changes):
        """Write a record, but just before it the sweep takes the orphan."""
        move_orphans(bound, plan.orphans)
        assert list(bound.bucket.keys("pool/")) == []
        return bound.table.put_many_new(records, changes)

    publish("stable", Silent())
    plan = bound.plan_pool()
    assert len(plan.orphans) == 1
    definition = adapters.definitions().by_name["tool"]
    with adapters.given(Ports(Between(bound.table, put_many_new=put_many_new), bound.bucket, bound.staging)):
        [taken] = take_in([StagedFile(deb.name, deb)], admission_of(definition), Silent())
    assert isinstance(taken, TakenIn)
    publish("stable", Silent())
    assert len(read_everything(stack.bucket, keyring())) == 1


def test_without_the_right_to_delete_from_the_pool_the_rest_is_swept_and_it_is_said(stack, tmp_path):
    publish_versions(stack, tmp_path, "1.0", "1.1", "1.2", "1.3")
    stack.bucket.put(ORPHAN, b"package")

    bucket = stack.bucket

    def delete(key):
        if key.startswith("pool/"):
            raise StoreMissing(f"delete of {key} is refused.", remedy="Allow it.")
        bucket.delete(key)

    with adapters.given(Ports(stack.table, Between(bucket, delete=delete), stack.staging)):
        result = sweep(Silent(), now=in_days(15))
    assert result["by_hash"]["objects"] > 0
    assert result["pool"]["objects"] == 0
    assert result["kept_back"][0].startswith("pool: 1 files ")
    assert ORPHAN in result["kept_back"][0]
    assert stack.bucket.read(ORPHAN) == b"package"
    assert list(stack.staging.keys("swept/")) == []


def test_a_sweep_that_finds_a_publisher_at_work_is_tried_again(embedded):
    publish("stable", Silent())
    lease = embedded.table.take_lease("publish:stable", "a publisher", 60)
    queue.enqueue(Job.Kind.SWEEP, {"dry_run": False})
    [job] = embedded.run_jobs(once=True)
    assert job.state == Job.State.QUEUED
    embedded.table.release_lease(lease)
    [job] = embedded.run_jobs()
    assert (job.state, job.result["dry_run"]) == (Job.State.DONE, False)


def test_the_sweep_is_a_command_a_schedule_and_two_buttons(embedded, admin_client):
    publish("stable", Silent())
    # PostgreSQL keeps a result's names in an order of its own.
    for options, dry_run in ((["--dry-run"], True), ([], False)):
        state, result = call("sweep", *options).rpartition("sweep: ")[2].split(" (", 1)
        assert state == "done"
        assert f"dry_run={dry_run}" in result
    ensure_schedules()
    row = PeriodicTask.objects.get(name="Sweep")
    assert (row.task, row.args) == (tasks.start_scheduled.name, '["sweep"]')
    [job_id] = tasks.start_scheduled("sweep")
    tasks.run_job(job_id)
    assert Job.objects.filter(kind=Job.Kind.SWEEP, subject="scheduled", state=Job.State.DONE).count() == 1
    page = admin_client.get("/admin/packages_app/publication/").content.decode()
    assert "Sweep (dry run)" in page
    for data in ({"dry_run": "1"}, {}):
        answer = admin_client.post("/admin/packages_app/publication/sweep/", data)
        job = Job.objects.get(kind=Job.Kind.SWEEP, state=Job.State.QUEUED, arguments={"dry_run": bool(data)})
        assert str(job.pk) in answer.url
    assert admin_client.get("/admin/packages_app/publication/sweep/").status_code == 405
