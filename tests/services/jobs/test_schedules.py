"""The clock's rows: made when missing, brought over from older releases, otherwise an operator's own."""

import json

import pytest
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import ModelEntry

from packages_app import tasks
from packages_app.services.setup.schedules import ensure_schedules


def rows():
    return {
        row.name: (row.task, json.loads(row.args)) for row in PeriodicTask.objects.exclude(name__startswith="celery.")
    }


@pytest.fixture
def of_an_older_release(embedded):
    """Make rows as 0.1 made them, one changed by an operator, and one of the operator's own."""
    half_an_hour = IntervalSchedule.objects.create(every=30, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.create(
        name="Check upstream", task="packages_app.tasks.sync_packages", interval=half_an_hour, enabled=False
    )
    at_night = CrontabSchedule.objects.create(minute="0", hour="3")
    PeriodicTask.objects.create(name="Rebuild", task="packages_app.tasks.force_rebuild", crontab=at_night)
    PeriodicTask.objects.create(name="Wake", task="packages_app.tasks.wake_silent_jobs", interval=half_an_hour)


def test_a_new_installation_has_a_row_for_all_that_the_clock_asks_for(embedded):
    ensure_schedules()
    start = tasks.start_scheduled.name
    assert rows() == {
        "Check upstream": (start, ["sync_packages"]),
        "Renew signatures": (start, ["refresh_signatures"]),
        "Reconcile the mirror": (start, ["reconcile_mirror"]),
        "Sweep": (start, ["sweep"]),
        "Promote by policy": (start, ["promote_by_policy"]),
        "Retain versions": (start, ["retain"]),
        "Verify the repository": (start, ["verify_repository"]),
        "Make snapshots": (start, ["snapshot"]),
        "Wake silent jobs": (tasks.wake_silent_jobs.name, []),
        "Send notices": (tasks.send_notices.name, []),
        "Send webhooks": (tasks.send_webhooks.name, []),
        "Step roll-outs": (tasks.step_rollouts.name, []),
        "Watch expiry dates": (tasks.watch_expiry.name, []),
        "Watch tokens": (tasks.watch_tokens.name, []),
        "Watch the disks": (tasks.watch_disks.name, []),
        "Watch the configuration": (tasks.watch_configuration.name, []),
        "Remove old rows": (tasks.remove_old_rows.name, []),
        "Keep the audit trail": (tasks.keep_audit_trail.name, []),
    }


def test_rows_of_an_older_release_start_the_same_work_at_the_same_times(of_an_older_release):
    for _ in range(2):
        ensure_schedules()
        found = rows()
        assert found["Check upstream"] == (tasks.start_scheduled.name, ["sync_packages"])
        assert found["Rebuild"] == (tasks.start_scheduled.name, ["force_rebuild"])
        assert found["Wake"] == (tasks.wake_silent_jobs.name, [])
        assert len(found) == 20
    upstream = PeriodicTask.objects.get(name="Check upstream")
    assert (upstream.enabled, upstream.interval.every) == (False, 30)
    assert PeriodicTask.objects.get(name="Rebuild").crontab.hour == "3"


def test_a_tick_that_no_worker_took_goes_with_the_next_one(of_an_older_release):
    """Rows of an older release too; an operator's own expiry stays."""
    row = PeriodicTask.objects.get(name="Wake")
    row.expire_seconds = 5
    row.save()
    ensure_schedules()
    expiry = {row.name: row.expire_seconds for row in PeriodicTask.objects.exclude(interval=None)}
    assert expiry["Check upstream"] == 30 * 60
    assert (expiry["Wake silent jobs"], expiry["Sweep"], expiry["Wake"]) == (60, 24 * 3600, 5)
    entry = ModelEntry(PeriodicTask.objects.get(name="Check upstream"))
    assert entry.options["expires"] == 30 * 60
