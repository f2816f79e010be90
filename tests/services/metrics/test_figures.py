"""Figures agree with what was done: a publication, failed jobs, upstream that fails, a queue that waits."""

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from packages_app.models import Conflict, DefinitionStatus, Job, Notice, Publication
from packages_app.services.archives import entered, present_archive
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue
from packages_app.services.metrics.figure import FIGURES
from packages_app.services.metrics.measure import read_samples
from packages_app.services.metrics.work import work_samples
from packages_app.services.requests import request_sync
from packages_app.services.setup.schedules import ensure_schedules
from repomgr.archives import read_archives
from tests.debs import build_deb

FILES = {"certificate": "certificate.pem", "signature": "signature.bin"}


def figures():
    """Read all; gives (name, labels) to value, each at most once, of figures that are described."""
    samples = read_samples()
    found = {(sample.name, sample.labels): float(sample.value) for sample in samples}
    assert len(found) == len(samples)
    assert {(name, len(labels)) for name, labels in found} <= {
        (name, len(figure.labels)) for name, figure in FIGURES.items()
    }
    return found


def of(found, name, *labels):
    return found[name, labels]


def test_they_agree_with_what_was_done(embedded, tmp_path):
    before = figures()
    assert of(before, "repomgr_suites", "default", "never_published") == 1
    assert not any(name == "repomgr_suite_packages" for name, _ in before)
    embedded.define_uploads("tool")
    embedded.define(
        "feed", {"type": "external_download", "endpoint": "https://127.0.0.1:9/", "additional_files": FILES}
    )
    for version, text in (("1.0", b"a"), ("1.0", b"b")):
        deb = build_deb(tmp_path / text.decode(), "tool", version, files={"usr/share/tool": text})
        stage_upload(deb, deb.name)
        embedded.run_jobs()
    request_sync([], None)
    embedded.run_jobs()
    found = figures()
    last = Publication.objects.get()
    assert of(found, "repomgr_suites", "default", "published") == 1
    assert of(found, "repomgr_suite_packages", "default", "stable") == 1
    assert of(found, "repomgr_suite_last_publication_timestamp_seconds", "default", "stable") == (
        last.published_at.timestamp()
    )
    valid = of(found, "repomgr_suite_valid_seconds", "default", "stable")
    assert valid == (last.valid_until - last.date).total_seconds()
    assert 0 < of(found, "repomgr_suite_seconds_to_valid_until", "default", "stable") <= valid
    assert ("repomgr_suite_last_publication_seconds", ("default", "stable")) in found
    assert of(found, "repomgr_publications_last_hour", "default", "publish") == 1
    assert of(found, "repomgr_jobs_ended_last_hour", "default", "intake_upload", "done") == 1
    assert of(found, "repomgr_jobs_ended_last_hour", "default", "intake_upload", "failed") == 1
    assert of(found, "repomgr_job_failures_last_hour", "default", "other") >= 1
    assert of(found, "repomgr_conflicts", "default") == Conflict.objects.count() == 1
    assert of(found, "repomgr_notices_open", "default", "version_conflict") == 1
    failing = DefinitionStatus.objects.filter(failed=True).count()
    assert of(found, "repomgr_definitions", "default", "failing") == failing == 1
    assert of(found, "repomgr_job_seconds_last_hour", "default", "publish") > 0


def test_a_failed_job_is_counted_by_what_failed_it_and_an_hour_later_no_more(embedded):
    now = timezone.now()
    for code in ("table_unavailable", "store_unavailable", "store_missing", "upstream_error", "disk_full", "made_up"):
        Job.objects.create(
            kind="sweep", state="failed", error_code=code, started=now - timedelta(seconds=7), ended=now
        )  # fmt: skip
    Job.objects.create(kind="sweep", state="failed", error_code="disk_full", ended=now - timedelta(hours=2))
    found = figures()
    counted = {labels[1]: value for (name, labels), value in found.items() if name == "repomgr_job_failures_last_hour"}
    assert counted == {"table": 1, "bucket": 2, "upstream": 1, "disk": 1, "other": 1, "server": 0, "worker": 0}
    assert of(found, "repomgr_job_longest_seconds_last_hour", "default", "sweep") == 7
    assert of(found, "repomgr_job_seconds_last_hour", "default", "sweep") == 42


def test_the_age_of_a_queue_is_that_of_the_job_due_longest(embedded, settings):
    for kind in ("publish", "sync_packages", "verify_repository"):
        queue.enqueue(Job.Kind(kind), subject="one")
    now, minute = timezone.now(), timedelta(minutes=1)
    silent = timedelta(seconds=settings.SILENT_SECONDS)
    Job.objects.filter(kind="verify_repository").update(wakes=2, wake_at=now + 9 * minute, created=now - 20 * minute)
    Job.objects.filter(kind="sync_packages").update(wake_at=now - 5 * minute + silent)
    Job.objects.filter(kind="publish").update(wake_at=now + minute + silent)  # it waits for a lease
    Job.objects.create(kind="sweep", state="running", heartbeat=now - 10 * silent)
    found = {(sample.name, sample.labels): sample.value for sample in work_samples(now)}
    assert {labels[0]: value for (name, labels), value in found.items() if name == "repomgr_queue_jobs"} == {
        "intake": 0, "publish": 0, "slow": 2, "sweep": 0,
    }  # fmt: skip
    assert {labels[0]: value for (name, labels), value in found.items() if name == "repomgr_queue_oldest_seconds"} == {
        "intake": 0, "publish": 0, "slow": 1200, "sweep": 0,
    }  # fmt: skip
    assert found["repomgr_jobs", ("queued",)] == 3
    assert (found["repomgr_jobs", ("running",)], found["repomgr_jobs_silent", ()]) == (1, 1)
    Job.objects.filter(kind="verify_repository").delete()
    found = {(sample.name, sample.labels): sample.value for sample in work_samples(now)}
    assert found["repomgr_queue_oldest_seconds", ("slow",)] == 300


def test_labels_stay_few_with_many_suites_and_rows_in_two_archives(embedded, settings, tmp_path):
    ensure_schedules()
    settings.ARCHIVES = read_archives("default: {}\nacme: {}", present_archive(), ())
    embedded.configure(suites=[{"name": f"suite{number}", "codename": f"suite{number}"} for number in range(300)])
    now = timezone.now()
    for slug in ("default", "acme"):
        with entered(slug):
            Publication.objects.bulk_create(
                Publication(
                    suite=f"suite{number}", kind="publish", date=now, valid_until=now + timedelta(days=14),
                    release_sha256="0" * 64, fingerprint="0" * 40, packages=number, records_read=0, uploaded_bytes=0,
                )
                for number in [*range(301), *range(301)]
            )  # fmt: skip
            Notice.objects.bulk_create(
                Notice(kind="job_failed", subject=f"{slug} {number}", text="x", seen=now) for number in range(200)
            )
    with CaptureQueriesContext(connection) as queries:
        found = figures()
    packages = {labels: value for (name, labels), value in found.items() if name == "repomgr_suite_packages"}
    assert packages[("default", "suite299")] == 299
    assert ("default", "suite300") not in packages  # it is configured no more
    assert sum(slug == "default" for slug, _ in packages) == 300
    assert of(found, "repomgr_notices_open", "acme", "job_failed") == 200
    others = [key for key in found if not key[0].startswith("repomgr_suite_")]
    assert len(others) < 300
    assert len(found) - len(others) < 2 * 301 * 5
    assert len(queries) < 2 * (301 + 20)


def test_an_archive_that_is_at_fault_keeps_no_other_from_being_told(embedded, settings):
    settings.ARCHIVES = read_archives("default: {}\nacme: {}", present_archive(), ())
    found = figures()
    assert (of(found, "repomgr_archive_up", "acme"), of(found, "repomgr_configuration_readable", "acme")) == (1, 0)
    assert (of(found, "repomgr_archive_up", "default"), of(found, "repomgr_suites", "default", "never_published")) == (
        1, 1,
    )  # fmt: skip
    assert of(found, "repomgr_up") == of(found, "repomgr_configuration_readable", "default") == 1


def test_the_room_on_disks_is_told_beside_what_is_too_little(embedded, settings):
    found = figures()
    free = [value for (name, _), value in found.items() if name == "repomgr_disk_free_bytes"]
    assert free
    assert min(free) > 0
    assert of(found, "repomgr_disk_least_free_bytes") == settings.LEAST_FREE_BYTES


def test_a_clock_that_has_sent_nothing_yet_is_silent_since_its_schedules_were_made(embedded):
    began = timezone.now()
    ensure_schedules()
    name = "repomgr_clock_last_run_timestamp_seconds"
    assert began.timestamp() <= of(figures(), name) <= timezone.now().timestamp()
    sent = began + timedelta(hours=1)
    PeriodicTask.objects.filter(name="Sweep").update(last_run_at=sent)
    assert of(figures(), name) == sent.timestamp()
