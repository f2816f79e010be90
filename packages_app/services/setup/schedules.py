"""What the clock starts; an operator changes it in the admin, and changes stay."""

from __future__ import annotations

import json

from django_celery_beat.models import IntervalSchedule, PeriodicTask

from packages_app.models import Job
from packages_app.services.scheduled import SCHEDULED_KINDS

_TASKS = "packages_app.tasks."
_START = f"{_TASKS}start_scheduled"

# (name, kind of job, minutes): made when missing, never set back.
_JOBS = (
    ("Check upstream", Job.Kind.SYNC, 30),
    ("Renew signatures", Job.Kind.REFRESH, 60),
    ("Reconcile the mirror", Job.Kind.RECONCILE, 60),
    ("Sweep", Job.Kind.SWEEP, 24 * 60),
    ("Promote by policy", Job.Kind.PROMOTE, 60),
    ("Retain versions", Job.Kind.RETAIN, 24 * 60),
    ("Verify the repository", Job.Kind.VERIFY, 24 * 60),
    ("Make snapshots", Job.Kind.SNAPSHOT, 60),
)
# (name, task, minutes): what the house needs and is no job.
_TASKS_OF_THE_HOUSE = (
    ("Wake silent jobs", "wake_silent_jobs", 1),
    ("Send notices", "send_notices", 1),
    ("Send webhooks", "send_webhooks", 1),
    ("Step roll-outs", "step_rollouts", 15),
    ("Watch expiry dates", "watch_expiry", 60),
    ("Watch tokens", "watch_tokens", 60),
    ("Watch the disks", "watch_disks", 10),
    ("Watch the configuration", "watch_configuration", 1),
    ("Remove old rows", "remove_old_rows", 24 * 60),
    ("Keep the audit trail", "keep_audit_trail", 60),
)


def ensure_schedules() -> None:
    """Make the schedules that are missing, and bring those of older releases to the task that starts jobs now."""
    _rename_old_tasks()
    for name, kind, minutes in _JOBS:
        _ensure(name, _START, [str(kind)], minutes)
    for name, task, minutes in _TASKS_OF_THE_HOUSE:
        _ensure(name, _TASKS + task, [], minutes)
    _let_ticks_expire()


def _ensure(name: str, task: str, arguments: list[str], minutes: int) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(every=minutes, period=IntervalSchedule.MINUTES)
    PeriodicTask.objects.get_or_create(
        name=name, defaults={"task": task, "args": json.dumps(arguments), "interval": interval}
    )


def _let_ticks_expire() -> None:
    """Let a tick that no worker took go with the next one: after a weekend without workers each is due once.

    One that has an expiry, by an operator, keeps it.
    """
    ours = PeriodicTask.objects.filter(task__startswith=_TASKS, expires=None, expire_seconds=None)
    for row in ours.exclude(interval=None).select_related("interval"):
        row.expire_seconds = int(row.interval.schedule.run_every.total_seconds())
        row.save()


def _rename_old_tasks() -> None:
    """Rename tasks that had a kind's name, as up to 0.1; an operator's own rows and times stay otherwise."""
    old = {_TASKS + kind: str(kind) for kind in SCHEDULED_KINDS}
    for row in PeriodicTask.objects.filter(task__in=old):
        row.task, row.args = _START, json.dumps([old[row.task]])
        row.save()
