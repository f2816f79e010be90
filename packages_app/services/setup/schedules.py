"""What the clock starts; an operator changes it in the admin, and changes stay."""

from __future__ import annotations

from django_celery_beat.models import IntervalSchedule, PeriodicTask

# (name, task, minutes): made when missing, never set back.
_SCHEDULES = (
    ("Check upstream", "sync_packages", 30),
    ("Renew signatures", "refresh_signatures", 60),
    ("Reconcile the mirror", "reconcile_mirror", 60),
    ("Sweep", "sweep", 24 * 60),
    ("Verify the repository", "verify_repository", 24 * 60),
    ("Wake silent jobs", "wake_silent_jobs", 1),
    ("Send notices", "send_notices", 1),
    ("Watch expiry dates", "watch_expiry", 60),
)


def ensure_schedules() -> None:
    """Make the schedules that are missing."""
    for name, task, minutes in _SCHEDULES:
        interval, _ = IntervalSchedule.objects.get_or_create(every=minutes, period=IntervalSchedule.MINUTES)
        PeriodicTask.objects.get_or_create(
            name=name, defaults={"task": f"packages_app.tasks.{task}", "interval": interval}
        )
