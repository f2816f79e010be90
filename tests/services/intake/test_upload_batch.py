"""Many small files taken in by one job: what is read and written for them, and what becomes of bad ones."""

import pytest

from packages_app.models import Conflict, Job, Package
from packages_app.services import adapters
from packages_app.services.intake.upload_batch import stage_batch
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from tests.debs import build_deb
from tests.faults.ports import Calls, faulty
from tests.reader import read_everything


def files_of(folder, *packages, **options):
    debs = [build_deb(folder, *package, **options) for package in packages]
    return [(deb.name, deb.read_bytes()) for deb in debs]


def versions(count):
    return [("tool", f"1.{number}") for number in range(count)]


def published(stack):
    return {key[:2] for key in read_everything(stack.bucket, adapters.signer().public_keyring())}


def run(job):
    return queue.run(job.pk, do_work)


def waiting():
    return [(job.kind, job.subject) for job in Job.objects.filter(state=Job.State.QUEUED)]


def test_all_files_are_recorded_mirrored_and_published_at_once(embedded, tmp_path):
    embedded.define_uploads("tool")
    job = stage_batch(files_of(tmp_path, *versions(30)))
    done = embedded.run_jobs()
    assert [(job.kind, job.state) for job in done] == [("intake_upload", "done"), ("publish", "done")]
    job.refresh_from_db()
    assert job.result == {"files": 30, "new": 30, "known": 0, "refused": [], "suites": ["stable"]}
    assert published(embedded) == set(versions(30))
    assert {(row.package_name, row.version) for row in Package.objects.all()} == set(versions(30))
    record = embedded.table.get("tool", "1.7", "amd64")
    assert embedded.bucket.read(record.pool_path) == (tmp_path / "tool_1.7_amd64.deb").read_bytes()
    assert list(embedded.staging.keys("uploads/")) == []


@pytest.mark.parametrize("count", [3, 60])
def test_a_batch_costs_a_few_calls_however_many_files_it_has(embedded, tmp_path, count):
    embedded.define_uploads("tool")
    ports = adapters.Ports(adapters.package_table(), adapters.bucket(), adapters.staging())
    calls = Calls(each_put=False)
    with adapters.given(faulty(ports, calls)):
        job = stage_batch(files_of(tmp_path, *versions(count)))
        assert run(job).state == Job.State.DONE
    staged = job.arguments["staged"]
    assert calls.names == [
        f"staging.put {staged}",
        f"staging.read {staged}",
        "table.look_up",
        "bucket.put_many_new",
        "table.put_many_new",
        f"staging.delete {staged}",
    ]


def test_a_bad_file_is_named_and_stops_no_other(embedded, tmp_path):
    embedded.define_uploads("tool")
    embedded.define("fed", {"type": "external_download", "endpoint": "https://example.org/feed.json"}, enabled=False)
    [sound, *others] = files_of(tmp_path, ("tool", "1.0"), ("fed", "1.0"), ("tool", "1.0", "arm64"))
    job = run(stage_batch([("page.deb", b"<html>"), *others, sound, ("cut.deb", sound[1][:-40])]))
    assert job.state == Job.State.DONE
    assert (job.result["new"], len(job.result["refused"])) == (1, 4)
    named = {name: why for name, _, why in (sentence.partition(": ") for sentence in job.result["refused"])}
    assert named.keys() == {"page.deb", "fed_1.0_amd64.deb", "tool_1.0_arm64.deb", "cut.deb"}
    assert "fed" in named["fed_1.0_amd64.deb"].split()
    assert "arm64" in named["tool_1.0_arm64.deb"]
    assert all("Remedy: " in why for why in named.values())
    assert [record.version for record in embedded.records()] == ["1.0"]
    assert list(embedded.staging.keys("uploads/")) == []


def test_a_batch_of_bad_files_alone_fails_and_leaves_nothing(embedded):
    embedded.define_uploads("tool")
    job = run(stage_batch([("page.deb", b"<html>"), ("empty.deb", b"")]))
    assert (job.state, job.error_code) == (Job.State.FAILED, "package_refused")
    assert [sentence.partition(":")[0] for sentence in job.result["refused"]] == ["page.deb", "empty.deb"]
    assert embedded.records() == list(embedded.staging.keys("")) == list(embedded.bucket.keys("pool/")) == []


def test_the_same_files_again_change_nothing(embedded, tmp_path):
    embedded.define_uploads("tool")
    files = files_of(tmp_path, *versions(3))
    stage_batch(files[:2])
    embedded.run_jobs()
    before = embedded.dists(), embedded.records()
    again = run(stage_batch(files[:2] + files[:1]))
    assert again.result == {"files": 3, "new": 0, "known": 3, "refused": [], "suites": ["stable"]}
    assert waiting() == []
    assert (embedded.dists(), embedded.records()) == before
    assert run(stage_batch(files)).result["new"] == 1
    assert waiting() == [("publish", "stable")]


def test_other_bytes_of_a_known_version_are_quarantined_and_stop_no_other(embedded, tmp_path):
    embedded.define_uploads("tool")
    run(stage_batch(files_of(tmp_path / "first", ("tool", "1.0"))))
    [other, new] = files_of(tmp_path / "other", ("tool", "1.0"), ("tool", "2.0"), files={"usr/x": b"other"})
    [second] = files_of(tmp_path / "second", ("tool", "2.0"), files={"usr/x": b"of the same batch"})
    job = run(stage_batch([other, new, second]))
    assert (job.state, job.result["new"], len(job.result["refused"])) == (Job.State.DONE, 1, 2)
    assert embedded.bucket.read("pool/main/t/tool/tool_2.0_amd64.deb") == new[1]
    kept = {conflict.version: embedded.staging.read(conflict.quarantined) for conflict in Conflict.objects.all()}
    assert kept == {"1.0": other[1], "2.0": second[1]}


def test_a_pool_path_with_other_bytes_is_a_conflict_and_an_orphan_with_the_same_is_taken(embedded, tmp_path):
    embedded.define_uploads("tool")
    files = files_of(tmp_path, *versions(2))
    embedded.bucket.put("pool/main/t/tool/tool_1.0_amd64.deb", b"something else")
    embedded.bucket.put("pool/main/t/tool/tool_1.1_amd64.deb", files[1][1])
    job = run(stage_batch(files))
    assert (job.result["new"], len(job.result["refused"])) == (1, 1)
    assert "tool 1.0 amd64" in job.result["refused"][0]
    assert "pool/main/t/tool/tool_1.0_amd64.deb" in job.result["refused"][0]
    assert [record.version for record in embedded.records()] == ["1.1"]


def test_a_pool_file_that_is_missing_is_brought_back(embedded, tmp_path):
    embedded.define_uploads("tool")
    files = files_of(tmp_path, *versions(2))
    run(stage_batch(files))
    embedded.bucket.delete("pool/main/t/tool/tool_1.1_amd64.deb")
    assert run(stage_batch(files)).result["known"] == 2
    assert embedded.bucket.read("pool/main/t/tool/tool_1.1_amd64.deb") == files[1][1]


def test_a_batch_for_another_suite_adds_its_packages_there(embedded, tmp_path):
    embedded.configure(suites=[{}, {"name": "testing", "codename": "testing"}])
    embedded.define_uploads("tool")
    files = files_of(tmp_path, *versions(2))
    run(stage_batch(files[:1]))
    assert run(stage_batch(files, suite="testing")).result["known"] == 1
    assert [record.suites for record in embedded.records()] == [("stable", "testing"), ("testing",)]
    assert waiting() == [("publish", "testing"), ("publish", "stable")]
    assert run(stage_batch(files, suite="nowhere")).result["refused"][0].count("nowhere") == 1


def test_a_batch_whose_run_was_interrupted_at_its_very_end_is_done(embedded, tmp_path):
    embedded.define_uploads("tool")
    job = stage_batch(files_of(tmp_path, *versions(2)))
    assert run(job).result["new"] == 2
    Job.objects.filter(pk=job.pk).update(state=Job.State.QUEUED, tries=1)  # as waking leaves it
    again = run(job)
    assert (again.state, again.result["refused"]) == (Job.State.DONE, [])
    assert (again.result["new"], again.result["known"]) == (2, 0)
    assert "an earlier run" in again.steps[0]["notes"][0]["text"]


def test_a_refused_batch_started_again_says_that_its_files_are_gone(embedded, tmp_path):
    embedded.define_uploads("other")
    refused = run(stage_batch(files_of(tmp_path, *versions(2))))
    assert refused.error_code == "package_refused"
    again = run(queue.enqueue(Job.Kind.UPLOAD, refused.arguments))
    assert (again.state, again.error_code) == (Job.State.FAILED, "object_not_found")
