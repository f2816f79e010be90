"""Each hour the mirror is made equal by what changed, once a day as a whole: what each of them finds."""

import sqlite3
from datetime import timedelta

import pytest
from django.utils import timezone

from packages_app.core.ports import Silent
from packages_app.models import Job, Package, Publication
from packages_app.services import adapters
from packages_app.services.job_services import do_work
from packages_app.services.jobs import queue
from packages_app.services.mirror.changes import reconcile_changes
from packages_app.services.mirror.packages import Reconciled, mirror_differences, reconcile_mirror
from packages_app.services.publication.publish import publish
from tests.faults.ports import Calls, faulty
from tests.records import make_record


@pytest.fixture
def settled(embedded):
    """Three packages, mirrored and published a day ago."""
    for name in ("one", "two", "three"):
        record = make_record(name)
        embedded.bucket.put(record.pool_path, b"x" * record.file_size)
        embedded.table.put_new(record)
    reconcile_mirror(Silent())
    embedded.run_jobs()
    Publication.objects.update(published_at=timezone.now() - timedelta(days=1))
    return embedded


def add(stack, name="new"):
    record = make_record(name)
    stack.bucket.put(record.pool_path, b"x" * record.file_size)
    stack.table.put_new(record)
    return record


def same(stack):
    return mirror_differences(stack.table.all_records()) == []


def test_a_record_without_its_row_is_found_by_its_pending_change_and_published(settled):
    add(settled)
    assert reconcile_changes(Silent()) == Reconciled(1, 1, 0, 0)
    assert same(settled)
    assert [(job.kind, job.subject) for job in settled.run_jobs()] == [("publish", "stable")]
    assert reconcile_changes(Silent()) == Reconciled(1, 0, 0, 0), "published, and looked at once more"


def test_one_that_was_published_meanwhile_is_found_by_the_publication(settled):
    add(settled)
    publish("stable", Silent())
    assert settled.table.pending_changes_of("stable") == []
    assert reconcile_changes(Silent()) == Reconciled(1, 1, 0, 0)
    assert same(settled)


def test_a_change_of_suites_is_found(settled):
    settled.configure(suites=[{"name": name, "codename": name} for name in ("stable", "testing")])
    settled.table.set_suites(make_record("one"), ["testing"])
    assert reconcile_changes(Silent()) == Reconciled(1, 0, 1, 0)
    assert same(settled)
    assert {job.subject for job in settled.run_jobs()} == {"stable", "testing"}


def test_a_row_whose_changed_record_is_gone_goes(settled, settings):
    add(settled)
    reconcile_changes(Silent())
    with sqlite3.connect(settings.PACKAGE_TABLE.path) as connection:
        connection.execute("DELETE FROM records WHERE package_id = 'new#1.0'")
    connection.close()
    assert reconcile_changes(Silent()) == Reconciled(0, 0, 0, 1)
    assert same(settled)


def test_the_work_is_that_of_what_changed(settled):
    add(settled)
    calls = Calls()
    with adapters.given(faulty(adapters.Ports(settled.table, settled.bucket, settled.staging), calls)):
        reconcile_changes(Silent())
    assert calls.names == ["table.pending_changes_of stable", "table.get_many"]


def test_a_row_changed_by_hand_is_found_by_the_whole_look_a_day_later(settled):
    def reconcile():
        return queue.run(queue.enqueue(Job.Kind.RECONCILE, wake_worker=False).pk, do_work)

    assert reconcile().result == {"records": 3, "added": 0, "changed": 0, "removed": 0, "left_out": 0, "whole": True}
    Package.objects.filter(package_name="one").update(maintainer="Mallory")
    assert reconcile().result == {"records": 0, "added": 0, "changed": 0, "removed": 0, "left_out": 0, "whole": False}
    assert not same(settled)
    Job.objects.update(started=timezone.now() - timedelta(days=1))
    assert reconcile().result == {"records": 3, "added": 0, "changed": 1, "removed": 0, "left_out": 0, "whole": True}
    assert same(settled)


def test_a_whole_look_can_be_asked_for(settled):
    for _ in range(2):
        job = queue.enqueue(Job.Kind.RECONCILE, {"left_out": 0, "whole": True}, wake_worker=False)
        assert queue.run(job.pk, do_work).result["whole"] is True
