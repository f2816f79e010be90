"""Repairing: a plan that says exactly what is done, done on consent, and never other bytes than the record's."""

import pytest

from packages_app.core.errors import LeaseBusy, RepairRefused, RepomgrError, UpstreamError
from packages_app.core.layout import by_hash_path
from packages_app.core.ports import Silent
from packages_app.indexes.pdiff import listed_objects
from packages_app.models import Job, Notice, Package
from packages_app.services import adapters, job_services
from packages_app.services.jobs import queue
from packages_app.services.publication.publish import publish
from packages_app.services.repair.apply import apply_repair
from packages_app.services.repair.force_rebuild import force_rebuild
from packages_app.services.repair.plan import Act, plan_repair
from packages_app.services.repair.repair import RepairSource, SourceKind, restore_pool_file
from packages_app.services.requests import request_again, request_repair, request_verify
from packages_app.services.verification.verify import verify_repository
from packages_app.verification.finding import PoolScope
from tests.reader import read_release
from tests.records import make_record
from tests.served import ServedBucket
from tests.verified import COPY, found

INDEX = "dists/stable/main/binary-amd64/Packages"
TOOL = "pool/main/t/tool/tool_1.0+b~1_amd64.deb"
OTHER = "pool/main/o/other/other_3.0_arm64.deb"
SETUP = "pool/main/s/setup/setup_1.1_all.deb"
ORPHAN = "pool/main/o/orphan/orphan_1_all.deb"
OPERATOR = None


def plan_of(standing, **options):
    return plan_repair(standing.verify(**options), Silent())


def repaired(standing):
    return apply_repair(plan_of(standing), Silent())


def test_a_plan_names_each_action_and_changes_nothing(standing):
    standing.path(TOOL).unlink()
    standing.corrupt(SETUP)
    standing.path(f"{INDEX}.gz").unlink()
    standing.corrupt("dists/old/InRelease", b"old")
    Package.objects.filter(package_name="other").delete()
    before = standing.objects()
    record = next(record for record in standing.stack.records() if record.pool_path == SETUP)
    plan = plan_of(standing)
    actions = {action.key: action for action in plan.actions}
    assert {(action.act, key) for key, action in actions.items()} == {
        (Act.RESTORE, TOOL), (Act.RESTORE, SETUP), (Act.PUBLISH, "dists/stable"),
        (Act.SET_ASIDE, "dists/old/InRelease"), (Act.RECONCILE, "mirror"),
    }  # fmt: skip
    url = f"{standing.feed.url}/1.0+b~1/tool_1.0+b~1_amd64.deb"
    assert (actions[TOOL].source, actions[TOOL].replaces) == (RepairSource(SourceKind.VENDOR, url), False)
    setup = actions[SETUP]
    assert (setup.source, setup.replaces) == (RepairSource(SourceKind.BUCKET, COPY), True)
    assert (setup.sha256, setup.record) == (record.sha256_hash, record.key)
    for key, named in (
        (TOOL, (url, TOOL)),
        (SETUP, (COPY, SETUP, f"{record.file_size} bytes", record.sha256_hash, "quarantine/")),
        ("dists/stable", ("Packages, Packages.gz, Packages.xz", "main/binary-amd64", "InRelease")),
        ("dists/stable", (COPY, "kiro-archive-keyring.gpg", "index.html")),
        ("dists/old/InRelease", ("dists/old/InRelease", "swept/")),
        ("mirror", ("1 rows", "other#3.0 arm64")),
    ):
        assert [value for value in named if value not in actions[key].text] == [], key
    assert plan.lines() == [action.text for action in plan.actions]
    assert (standing.objects(), Package.objects.count()) == (before, 4)
    assert plan.digest == plan_of(standing).digest
    standing.corrupt(OTHER)
    assert plan.digest != plan_of(standing).digest


def test_a_sound_repository_has_an_empty_plan(standing):
    plan = plan_of(standing)
    assert (plan.actions, plan.digest, plan.lines()) == ((), "", [])


def test_wrong_bytes_are_kept_before_the_record_s_come_back(standing):
    right, wrong = standing.path(TOOL).read_bytes(), b"from somewhere else"
    standing.corrupt(TOOL, wrong)
    outcome = repaired(standing)
    assert (outcome.failed, outcome.verification.findings) == ([], ())
    assert standing.path(TOOL).read_bytes() == right
    assert [standing.stack.staging.read(key) for key, _ in standing.stack.staging.keys("quarantine/")] == [wrong]


def test_a_vendor_s_other_file_is_never_taken_and_the_rest_is_repaired(standing):
    same_size = standing.path(TOOL).read_bytes()[::-1]
    standing.feed.files["/1.0+b~1/tool_1.0+b~1_amd64.deb"] = same_size
    standing.path(TOOL).unlink()
    standing.corrupt(f"{INDEX}.xz")
    del standing.feed.files["/3.0/other_3.0_arm64.deb"]
    standing.corrupt(OTHER, b"wrong")
    outcome = repaired(standing)
    assert [TOOL in line and "was announced" in line for line in outcome.failed] == [False, True]
    assert OTHER in outcome.failed[0]
    assert found(outcome.verification) == {("pool_missing", TOOL), ("pool_differs", OTHER)}
    assert standing.path(OTHER).read_bytes() == b"wrong"
    record = next(record for record in standing.stack.records() if record.pool_path == TOOL)
    with pytest.raises(UpstreamError):
        restore_pool_file(record, RepairSource(SourceKind.VENDOR, record.deb_url), Silent())
    with pytest.raises(RepomgrError, match="by now"):
        restore_pool_file(record, RepairSource(SourceKind.BUCKET, "index.html"), Silent())
    assert not standing.path(TOOL).exists()
    assert Notice.objects.filter(kind="files_missing", settled=None).exists()


def test_a_file_that_can_be_had_nowhere_is_named_in_the_plan(standing, settings):
    record = next(record for record in standing.stack.records() if record.pool_path == TOOL)
    Package.objects.filter(package_id=record.package_id).delete()
    standing.stack.table.set_suites(record, ())
    upload = type(record)(**{**record.__dict__, "version": "9.0", "deb_url": "", "pool_path": "pool/main/t/tool/9.deb"})
    standing.stack.table.put_new(upload)
    plan = plan_of(standing)
    [(finding, why)] = plan.hopeless
    assert (finding.code, finding.where) == ("pool_missing", "pool/main/t/tool/9.deb")
    assert "tool 9.0 amd64" in why
    assert "Remedy: " in why
    outcome = apply_repair(plan, Silent())
    assert found(outcome.verification) == {("pool_missing", "pool/main/t/tool/9.deb")}


def test_what_the_sweep_took_is_where_a_file_comes_back_from(standing):
    body = standing.path(TOOL).read_bytes()
    standing.stack.staging.put(f"swept/20260102/{TOOL}", body)
    standing.path(TOOL).unlink()
    standing.feed.files.clear()
    [action, *_] = plan_of(standing).actions
    assert (action.key, action.source) == (TOOL, RepairSource(SourceKind.STAGING, f"swept/20260102/{TOOL}"))
    assert repaired(standing).verification.findings == ()
    standing.path(TOOL).unlink()
    standing.stack.staging.put(f"swept/20260102/{TOOL}", body[::-1])
    [action, *_] = plan_of(standing).actions
    assert (action.key, action.source.place) == (TOOL, SourceKind.VENDOR)


def test_force_rebuild_brings_files_back_in_the_same_way(standing):
    standing.feed.files.clear()
    standing.path(SETUP).unlink()
    assert force_rebuild([], Silent(), repair=True)["repaired"] == [SETUP]
    assert standing.verify().findings == ()


def test_orphans_and_strays_go_to_staging_never_away(standing):
    for key in (ORPHAN, "dists/old/main/Packages", "dists/stable/stray"):
        standing.corrupt(key, key.encode())
        standing.age(key)
    outcome = repaired(standing)
    assert outcome.verification.findings == ()
    kept = {key: standing.stack.staging.read(key).decode() for key, _ in standing.stack.staging.keys("swept/")}
    assert {key.split("/", 2)[2] for key in kept} == set(kept.values())
    assert set(kept.values()) == {ORPHAN, "dists/old/main/Packages", "dists/stable/stray"}
    assert not standing.path(ORPHAN).exists()


def test_an_orphan_whose_record_comes_meanwhile_stays(standing):
    record = next(record for record in standing.stack.records() if record.pool_path == TOOL)
    body = standing.path(TOOL).read_bytes()
    standing.corrupt(ORPHAN, body)
    standing.age(ORPHAN)
    plan = plan_of(standing)
    late = type(record)(
        **{**record.__dict__, "package_name": "orphan", "version": "1", "pool_path": ORPHAN, "suites": ()}
    )
    standing.stack.table.put_new(late)
    apply_repair(plan, Silent())
    assert standing.path(ORPHAN).read_bytes() == body


def test_an_index_that_an_older_inrelease_hides_is_mended_too(standing):
    keyring = adapters.signer().public_keyring()
    old = standing.path("dists/stable/InRelease").read_bytes()
    record = next(record for record in standing.stack.records() if record.package_name == "other")
    standing.stack.table.set_suites(record, ())
    force_rebuild([], Silent())
    entry = next(e for e in read_release(standing.stack.bucket, keyring)["SHA256"] if "arm64/Packages.xz" in e["name"])
    key = by_hash_path("stable", entry["name"], entry["sha256"])
    standing.corrupt(key)
    standing.corrupt("dists/stable/InRelease", old)
    verification = standing.verify()
    assert {("release_differs", "dists/stable/InRelease"), ("by_hash_differs", key)} <= found(verification)
    outcome = apply_repair(plan_repair(verification, Silent()), Silent())
    assert (outcome.failed, outcome.verification.findings) == ([], ())


def test_a_suite_that_another_publishes_meanwhile_is_left_and_named(standing):
    standing.path(f"{INDEX}.gz").unlink()
    standing.path(TOOL).unlink()
    standing.corrupt("dists/old/InRelease", b"old")
    plan = plan_of(standing)
    lease = standing.stack.table.take_lease("publish:stable", "another", 60)
    with pytest.raises(LeaseBusy):  # once the rest is done: a job is tried again
        apply_repair(plan, Silent())
    assert standing.path(TOOL).exists()
    assert not standing.path("dists/old/InRelease").exists()
    standing.stack.table.release_lease(lease)
    assert repaired(standing).verification.findings == ()


def run(job):
    return queue.run(job.pk, job_services.do_work)


def codes_of(job):
    assert job.state == Job.State.DONE
    return {finding["code"] for finding in job.result["faults"]}


def test_each_suite_is_verified_by_a_job_and_the_pool_by_another(standing):
    standing.stack.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    publish("testing", Silent())
    standing.path(TOOL).unlink()
    standing.corrupt("dists/testing/main/binary-amd64/Packages.xz")
    stable, testing, pool = map(run, request_verify(OPERATOR))
    assert [job.subject for job in (stable, testing, pool)] == ["suite stable", "suite testing", "pool of all"]
    assert [codes_of(job) for job in (stable, testing, pool)] == [set(), {"index_differs"}, {"pool_missing"}]
    assert (stable.result["pool_files"], pool.result["indexes"]) == (0, 0)
    assert request_verify(OPERATOR) == request_verify(OPERATOR)
    [one, its_pool] = map(run, request_verify(OPERATOR, suites=["testing"]))
    assert [codes_of(job) for job in (one, its_pool)] == [{"index_differs"}, set()]
    repair = run(request_repair(testing, testing.result["digest"], OPERATOR))
    assert (repair.result["failed"], repair.result["faults"], len(repair.result["done"])) == ([], [], 1)
    assert not standing.path(TOOL).exists()


def test_the_suites_of_the_release_before_are_verified_whole_by_their_waiting_job(standing):
    standing.path(TOOL).unlink()
    standing.corrupt(f"{INDEX}.xz")
    waiting = queue.enqueue(Job.Kind.VERIFY, {"suites": [], "pool": "all"})
    assert codes_of(run(waiting)) == {"pool_missing", "index_differs"}


def test_a_job_verifies_and_another_does_what_somebody_consented_to(standing):
    standing.path(TOOL).unlink()
    standing.corrupt(f"{INDEX}.xz")
    verified = run(queue.enqueue(Job.Kind.VERIFY, {"pool": "all"}))
    assert codes_of(verified) == {"pool_missing", "index_differs"}
    assert Notice.objects.filter(job=verified).count() == 2
    with pytest.raises(RepairRefused, match="no plan"):
        request_repair(verified, "another digest", OPERATOR)
    job = request_repair(verified, verified.result["digest"], OPERATOR)
    assert request_repair(verified, verified.result["digest"], OPERATOR) == job
    with pytest.raises(RepairRefused):
        request_repair(job, verified.result["digest"], OPERATOR)
    job = run(job)
    assert (job.state, job.result["failed"], job.result["faults"]) == (Job.State.DONE, [], [])
    assert len(job.result["done"]) == 2
    assert not Notice.objects.filter(kind="verification_failed", settled=None).exists()


def test_a_repair_refuses_what_nobody_has_seen_and_goes_on_with_what_is_left(standing):
    standing.path(TOOL).unlink()
    standing.path(OTHER).unlink()
    _, verified = map(run, request_verify(OPERATOR))
    standing.corrupt(SETUP)
    refused = run(request_repair(verified, verified.result["digest"], OPERATOR))
    assert (refused.state, refused.error_code) == (Job.State.FAILED, "repair_refused")
    assert "nobody consented to" in refused.error
    assert not standing.path(TOOL).exists()
    standing.corrupt(SETUP, standing.path(COPY).read_bytes())
    standing.corrupt(TOOL, standing.feed.files["/1.0+b~1/tool_1.0+b~1_amd64.deb"])  # as an interrupted repair leaves it
    done = run(request_again(refused, OPERATOR))
    assert (done.state, done.result["faults"], len(done.result["done"])) == (Job.State.DONE, [], 1)


def test_a_job_that_finds_nothing_has_nothing_to_repair(standing):
    _, verified = map(run, request_verify(OPERATOR))
    assert (verified.state, verified.result["faults"], verified.result["digest"]) == (Job.State.DONE, [], "")
    with pytest.raises(RepairRefused):
        request_repair(verified, "", OPERATOR)


@pytest.fixture
def patched(embedded, settings):
    """A suite whose index has patches from two publications before, served; gives the store."""
    embedded.configure(suites=[{"architectures": ["amd64"], "pdiff_above": 0}])
    for names in ([f"p{number}" for number in range(120)], ["p3x"], ["p4x"]):
        for name in names:
            record = make_record(name)
            embedded.bucket.put(record.pool_path, f"{name}#1.0#amd64".encode())
            embedded.table.put_new(record)
        publish("stable", Silent())
    with ServedBucket(embedded.bucket) as server:
        settings.PUBLIC_URL = server.url
        force_rebuild([], Silent())
        yield embedded.bucket


def of_index(verification):
    return {(code, key) for code, key in found(verification) if key.startswith("dists/")}


def test_patches_that_are_gone_or_others_are_named_and_made_again(patched):
    gone, other = (f"{INDEX}.diff/{name}" for name in listed_objects(patched.read(f"{INDEX}.diff/Index")))
    before = {key: patched.read(key) for key in (gone, other)}
    sound = verify_repository((), Silent(), pool=PoolScope.NONE)
    assert (of_index(sound), sound.indexes) == (set(), 2 * 5 + 2)
    patched.delete(gone)
    patched.delete(other)
    patched.put(other, b"x" * len(before[other]))
    verification = verify_repository((), Silent(), pool=PoolScope.NONE)
    assert of_index(verification) == {("patch_missing", gone), ("patch_differs", other)}
    assert of_index(apply_repair(plan_repair(verification, Silent()), Silent()).verification) == set()
    assert {key: patched.read(key) for key in (gone, other)} == before


def test_an_index_of_patches_is_read_in_each_form(patched):
    text = patched.read(f"{INDEX}.diff/Index")
    patched.put(f"{INDEX}.diff/Index.gz", b"x" * len(patched.read(f"{INDEX}.diff/Index.gz")))
    patched.put(f"{INDEX}.diff/Index", text[:-1] + b" ")
    findings = {("index_differs", f"{INDEX}.diff/Index.gz"), ("index_differs", f"{INDEX}.diff/Index")}
    assert of_index(verify_repository((), Silent(), pool=PoolScope.NONE)) == findings
