"""Waiting jobs are woken with growing pauses, and a broker never gets more messages than workers could want."""

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from packages_app.models import Job
from packages_app.services.jobs import queue, waking

WAITING = 10_000


@pytest.fixture
def waiting(embedded):
    """Make many jobs that wait since now; gives now."""
    now = timezone.now()
    Job.objects.bulk_create(
        (Job(kind=Job.Kind.UPLOAD, wake_at=now + timedelta(seconds=60)) for _ in range(WAITING)), batch_size=2000
    )
    return now


def test_an_hour_of_ten_thousand_waiting_jobs_is_a_bounded_number_of_messages(waiting):
    sent = Counter()

    def send(_kind, job_id):
        sent[job_id] += 1
        return True

    runs = [waking.wake_silent_jobs(waiting + timedelta(minutes=minute), send=send) for minute in range(1, 61)]
    assert max(runs) == waking.WOKEN_AT_ONCE
    assert sum(runs) == sum(sent.values()) <= 30_000
    assert len(sent) == WAITING  # none is forgotten
    assert max(sent.values()) <= 5


def test_the_pauses_of_a_job_that_waits_grow_to_a_quarter_of_an_hour(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    start = Job.objects.get(pk=job.pk).wake_at
    woken = [
        minute
        for minute in range(61)
        if waking.wake_silent_jobs(start + timedelta(minutes=minute), send=lambda _kind, _id: True)
    ]
    assert woken == [0, 4, 19, 34, 49]


def test_a_job_is_left_alone_until_its_message_counts_as_lost(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    assert waking.wake_silent_jobs() == 0
    assert waking.wake_silent_jobs(job.wake_at) == 1


def test_without_a_broker_one_message_is_tried_and_no_pause_grows(embedded):
    jobs = [queue.enqueue(Job.Kind.SYNC) for _ in range(3)]
    later = timezone.now() + timedelta(hours=1)
    tried = []
    assert waking.wake_silent_jobs(later, send=lambda _kind, job_id: bool(tried.append(job_id))) == 0
    assert len(tried) == 1
    assert waking.wake_silent_jobs(later, send=lambda _kind, _id: True) == len(jobs)


def test_a_job_that_is_put_back_begins_with_short_pauses_again(embedded):
    job = queue.enqueue(Job.Kind.SYNC)
    for minute in (1, 10, 30):
        waking.wake_silent_jobs(timezone.now() + timedelta(minutes=minute), send=lambda _kind, _id: True)
    died = timezone.now() - timedelta(minutes=5)
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING, heartbeat=died)
    assert waking.wake_silent_jobs() == 1
    job.refresh_from_db()
    assert (job.state, job.wakes) == (Job.State.QUEUED, 1)
