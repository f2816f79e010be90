"""Jobs that wait longer than they should are told, with what holds the threads and what helps."""

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.html import escape

from packages_app.core.errors import LeaseBusy
from packages_app.models import Job
from packages_app.services.jobs import queue
from packages_app.services.jobs.late import late_queues

KINDS = ("sync_packages", "verify_repository", "sweep", "intake_upload", "publish")


@pytest.fixture
def waiting(embedded):
    """Make jobs of four queues that wait since now; gives now."""
    for kind in KINDS:
        queue.enqueue(Job.Kind(kind), subject="one")
    return timezone.now()


def told(now):
    return {late.name: (late.waiting, [job.kind for job in late.at_work]) for late in late_queues(now)}


def test_jobs_are_late_when_their_message_has_not_been_heeded(waiting):
    assert told(waiting) == {}
    late = told(waiting + timedelta(minutes=2))
    assert late == {"intake": (1, []), "publish": (1, []), "slow": (2, []), "sweep": (1, [])}


def test_a_job_that_was_woken_in_vain_stays_late(waiting):
    Job.objects.filter(kind="verify_repository").update(wakes=1, wake_at=waiting + timedelta(minutes=15))
    assert told(waiting + timedelta(seconds=30)) == {"slow": (1, [])}


def test_a_job_that_waits_for_a_lease_is_not_late(embedded):
    def busy(_job, _progress):
        raise LeaseBusy("Another publishes.", remedy="Wait.")

    job = queue.enqueue(Job.Kind.PUBLISH, subject="stable")
    Job.objects.update(created=timezone.now() - timedelta(hours=1), wakes=3)
    queue.run(job.pk, busy)
    assert told(timezone.now()) == {}


def test_what_is_at_work_is_named_for_the_queue_that_it_holds_up(waiting):
    Job.objects.filter(kind__in=("sync_packages", "publish")).update(state="running", started=waiting)
    later = waiting + timedelta(minutes=5)
    assert told(later) == {"intake": (1, ["sync_packages", "publish"]), "slow": (1, ["sync_packages"]),
                           "sweep": (1, ["sync_packages"])}  # fmt: skip
    [intake, *_] = late_queues(later)
    assert (intake.since, bool(intake.remedy)) == (Job.objects.get(kind="intake_upload").created, True)


def test_the_overview_says_so_to_who_may_see_jobs(waiting, as_member):
    long_ago = waiting - timedelta(minutes=34)
    Job.objects.update(created=long_ago, wake_at=long_ago, started=long_ago)
    Job.objects.filter(kind="sync_packages").update(state="running")
    client = as_member("Viewers")
    page = client.get("/admin/").content.decode()
    for late in late_queues(timezone.now()):
        assert f"of the queue {late.name}" in page
        assert escape(late.remedy) in page
    card = page[page.index("rm-attention") :]
    assert f'href="/admin/packages_app/job/{Job.objects.get(kind="sync_packages").pk}/change/"' in card
    Job.objects.exclude(state="running").update(state="done")
    assert "rm-attention" not in client.get("/admin/").content.decode()
