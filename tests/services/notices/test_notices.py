"""Notices: who raises them, said once while they are so, settled when they are over."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from packages_app.core.errors import UpstreamError
from packages_app.core.ports import Silent
from packages_app.models import Conflict, Job, Notice, Publication
from packages_app.services.intake.sync import sync_packages
from packages_app.services.intake.uploads import stage_upload
from packages_app.services.jobs import queue, waking
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.publication.notices import tell_of_new_versions
from packages_app.services.publication.publish import publish
from packages_app.services.requests import request_again, settle_by_hand, settle_conflicts
from tests.debs import build_deb
from tests.feeds import Feed, VendorKey
from tests.records import make_record
from tests.values import numbers_in


@pytest.fixture
def feed():
    with Feed() as feed:
        yield feed


@pytest.fixture
def person(db):
    return get_user_model().objects.create_superuser("person")


def watch(stack, feed, **fields):
    files = {"certificate": "certificate.pem", "signature": "signature.bin"}
    source = {"type": "external_download", "endpoint": feed.endpoint, "additional_files": files}
    stack.define("tool", {**source, **fields})


def the_open(kind):
    return Notice.objects.filter(kind=kind, settled=None).first()


def fail(kind=Job.Kind.PUBLISH, subject="stable"):
    def work(_job, _progress):
        raise UpstreamError("It broke.", remedy="Mend it.")

    return queue.run(queue.enqueue(kind, subject=subject).pk, work)


def succeed(kind=Job.Kind.PUBLISH, subject="stable"):
    return queue.run(queue.enqueue(kind, subject=subject).pk, lambda _job, _progress: {})


def test_what_is_so_still_is_one_notice_until_it_is_settled(embedded):
    first = notify(Notice.Kind.CLOCK_WRONG, "stable", "Off by 11 s.")
    again = notify(Notice.Kind.CLOCK_WRONG, "stable", "Off by 12 s.", level="warning")
    assert again == first
    assert (again.times, again.text, again.level) == (2, "Off by 12 s.", "warning")
    assert settle_notices(Notice.Kind.CLOCK_WRONG, "stable") == 1
    assert notify(Notice.Kind.CLOCK_WRONG, "stable", "Off by 13 s.") != first
    with pytest.raises(ValueError, match="'loud'"):
        notify(Notice.Kind.CLOCK_WRONG, "stable", "Off.", level="loud")


def test_a_failed_job_is_told_until_the_same_work_ends_well(embedded):
    job = fail()
    notice = the_open("job_failed")
    assert (notice.subject, notice.text, notice.remedy) == ("publish stable", "It broke.", "Mend it.")
    assert notice.job == job
    succeed(Job.Kind.PUBLISH, "testing")
    succeed(Job.Kind.SYNC, "stable")
    assert the_open("job_failed") == notice
    succeed()
    assert the_open("job_failed") is None


def test_a_crash_and_a_worker_that_keeps_dying_are_told(embedded):
    with pytest.raises(ZeroDivisionError):
        queue.run(queue.enqueue(Job.Kind.SYNC, subject="all").pk, lambda _job, _progress: {"x": 1 / 0})
    assert "ZeroDivisionError" in Notice.objects.get(subject="check upstream all").text
    job = queue.enqueue(Job.Kind.SWEEP)
    silent = timezone.now() - timedelta(minutes=10)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, tries=4, heartbeat=silent)
    waking.wake_silent_jobs()
    notice = Notice.objects.get(subject="sweep")
    assert "died 5 times" in notice.text
    assert notice.job == job


def test_a_failed_upload_is_told_by_its_file_and_settled_by_that_file(embedded, tmp_path, person):
    embedded.define_uploads("tool")
    embedded.define_uploads("other")
    broken = stage_upload(build_deb(tmp_path, "tool", "1.0"), "tool_1.0_amd64.deb")
    definition = embedded.config / "packages" / "tool.yaml"
    text = definition.read_text()
    definition.unlink()
    stage_upload(build_deb(tmp_path, "other", "1.0"), "other_1.0_amd64.deb")
    embedded.run_jobs()
    notice = the_open("job_failed")
    assert notice.subject == f"{broken} tool_1.0_amd64.deb"
    definition.write_text(text)
    broken.refresh_from_db()
    request_again(broken, person)
    embedded.run_jobs()
    assert the_open("job_failed") is None


def test_new_versions_are_news_once_a_publication(embedded):
    assert tell_of_new_versions(publish("stable", Silent())) is None, "nothing came"
    for name in ("one", "two"):
        embedded.table.put_new(make_record(name))
        embedded.bucket.put(make_record(name).pool_path, f"{name}#1.0#amd64".encode())
    publication = publish("stable", Silent())
    tell_of_new_versions(publication)
    tell_of_new_versions(publish("stable", Silent()))
    news = Notice.objects.get(kind="new_version")
    assert (news.level, news.times) == ("info", 1)
    assert news.subject.startswith("stable 20")
    assert "one 1.0 amd64, two 1.0 amd64" in news.text
    assert re.findall(r"\b(?:stable|testing)\b", news.text) == ["stable"]


def test_news_of_many_packages_are_short(embedded):
    publish("stable", Silent())
    publication = Publication.objects.get()
    publication.added = [f"package{number} 1.0 amd64" for number in range(100)]
    publication.added_count = 5000
    text = tell_of_new_versions(publication).text
    assert re.findall(r"package\d+ 1\.0 amd64", text) == [f"package{number} 1.0 amd64" for number in range(8)]
    assert numbers_in(text) == [4992], "how many more"
    publication.date -= timedelta(seconds=1)
    publication.published_at -= timedelta(days=2)
    assert tell_of_new_versions(publication) is None, "no news any more"


def offer_other_bytes(stack, feed, tmp_path):
    feed.publish(build_deb(tmp_path, "tool", "1.0"), "1.0")
    watch(stack, feed, signature_policy="off")
    sync_packages([], Silent())
    feed.releases[0]["updateTo"]["sha256"] = "f" * 64
    feed.serve({"releases": feed.releases})


def test_a_conflict_is_one_notice_and_says_all_that_its_job_would(embedded, feed, tmp_path, person):
    offer_other_bytes(embedded, feed, tmp_path)
    for _ in range(2):
        queue.enqueue(Job.Kind.SYNC, subject="scheduled")
        [job] = [job for job in embedded.run_jobs() if job.kind == Job.Kind.SYNC]
        assert job.state == "failed"
    notice = the_open("version_conflict")
    assert (notice.subject, notice.times, notice.level) == ("tool 1.0 amd64", 2, "error")
    assert the_open("job_failed") is None
    assert settle_conflicts(Conflict.objects.all(), person) == 1
    assert the_open("version_conflict") is None
    assert sync_packages([], Silent())["failures"] == [], "a person has looked into this offer"
    assert the_open("version_conflict") is None


def test_a_conflict_stays_told_while_another_offer_of_that_version_is_open(embedded, feed, tmp_path, person):
    offer_other_bytes(embedded, feed, tmp_path)
    for letter in "ef":
        feed.releases[0]["updateTo"]["sha256"] = letter * 64
        feed.serve({"releases": feed.releases})
        with pytest.raises(UpstreamError):
            sync_packages([], Silent())
    first, second = Conflict.objects.all()
    settle_conflicts([first], person)
    assert the_open("version_conflict") is not None
    settle_conflicts([second], person)
    assert the_open("version_conflict") is None


def test_a_notice_settled_by_hand_settles_its_conflict(embedded, feed, tmp_path, person):
    offer_other_bytes(embedded, feed, tmp_path)
    with pytest.raises(UpstreamError):
        sync_packages([], Silent())
    fail()
    assert settle_by_hand(Notice.objects.all(), person) == 2
    assert not Notice.objects.filter(settled=None).exists()
    assert Conflict.objects.get().settled
    assert settle_by_hand(Notice.objects.all(), person) == 0


def test_a_refused_signature_is_told_until_the_next_check_that_succeeds(embedded, feed, tmp_path):
    pinned, stranger = VendorKey.make(), VendorKey.make()
    deb = build_deb(tmp_path, "tool", "1.0")
    feed.publish(deb, "1.0", key=stranger)
    watch(embedded, feed, certificate_fingerprint=pinned.fingerprint)
    with pytest.raises(UpstreamError):
        sync_packages([], Silent())
    notice = the_open("signature_refused")
    assert notice.subject == "tool"
    assert notice.remedy
    feed.releases.clear()
    feed.publish(deb, "1.0", key=pinned)
    sync_packages([], Silent())
    assert the_open("signature_refused") is None


def end(kind, arguments, subject, result=None):
    """Run a job of these arguments: it fails where there is no result."""

    def work(_job, _progress):
        if result is None:
            raise UpstreamError("It broke.", remedy="Mend it.")
        return result

    return queue.run(queue.enqueue(kind, arguments, subject=subject).pk, work)


STABLE, TESTING = {"suites": ["stable"]}, {"suites": ["testing"]}


@pytest.mark.parametrize(
    ("failed", "done", "result", "is_over"),
    [
        (("publish", {"suite": "stable"}, "stable"), ("force_rebuild", STABLE, "stable"), {}, True),
        (("publish", {"suite": "stable"}, "stable"), ("force_rebuild", TESTING, "testing"), {}, False),
        (("refresh_signatures", STABLE, "stable"), ("publish", {"suite": "stable"}, "stable"), {}, True),
        (("publish", {"suite": "stable"}, "stable"), ("refresh_signatures", STABLE, "stable"), {}, False),
        (("force_rebuild", STABLE, "stable with repair"), ("force_rebuild", STABLE, "stable"), {}, True),
        (("sync_packages", {"names": ["tool"]}, "tool"), ("sync_packages", {}, "scheduled"), {"failed": ["b"]}, True),
        (
            ("sync_packages", {"names": ["tool"]}, "tool"),
            ("sync_packages", {}, "scheduled"),
            {"failed": ["tool"]},
            False,
        ),
        (("sync_packages", {"names": ["tool"]}, "tool"), ("sync_packages", {}, "all"), {"at_work": ["tool"]}, False),
        (("sync_packages", {}, "scheduled"), ("sync_packages", {"names": ["tool"]}, "tool"), {"failed": []}, False),
        (("sync_packages", {}, "scheduled"), ("sync_packages", {"names": []}, "all"), {"failed": []}, True),
        (("reconcile_mirror", {}, "scheduled"), ("reconcile_mirror", {"whole": True}, "all"), {}, True),
        (("sweep", {"dry_run": False}, "all"), ("sweep", {"dry_run": True}, "dry run"), {}, False),
    ],
)
def test_a_failure_is_over_when_any_job_has_done_its_work(embedded, failed, done, result, is_over):
    end(*failed)
    assert the_open("job_failed") is not None
    end(*done, result=result)
    assert (the_open("job_failed") is None) is is_over
