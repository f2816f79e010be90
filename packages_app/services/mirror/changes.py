"""The mirror kept equal to the table each hour by what changed, and once a day as a whole.

Intake and everything else of ours that writes a record writes its row too, after it. What dies in between leaves a
pending change in each suite of the record, or, when a publication has shown it since, a name in that publication's
lists. These few records are looked at each hour. What leaves no such trace is found by the daily look at all records:

- rows that were changed or removed by hand in Django's database;
- records that somebody deleted from the table, or changed there past this program;
- a record that changed within its suites, was published before it was looked at, and was neither added nor removed;
- records of suites that repository.yaml does not have.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.utils import timezone

from packages_app.core.ports import Progress
from packages_app.core.record import TableKey, key_named
from packages_app.models import Job, Publication
from packages_app.services.adapters import package_table, repository
from packages_app.services.mirror.packages import Reconciled, reconcile_keys, reconcile_mirror
from packages_app.services.publication.publication_lists import whole_lists

_A_DAY = timedelta(hours=23, minutes=30)
"""Since the last whole one began. The clock asks each hour: a full day would be missed by a minute, and make it 25."""
_LATELY = timedelta(hours=3)
"""Publications are looked at for so long, so that an hour that was missed, or one that took long, loses none."""

log = structlog.get_logger(__name__)


def do_reconcile(job: Job, progress: Progress) -> dict[str, Any]:
    """Make the mirror equal to the table, as a whole where a job says so; as `reconcile_what_is_due`."""
    return reconcile_what_is_due(progress, whole=job.arguments.get("whole", False))


def reconcile_what_is_due(progress: Progress, *, whole: bool = False) -> dict[str, Any]:
    """Make the mirror equal to the table, by what changed, or as a whole when that was last done a day ago.

    Return what was found, as `Reconciled` counts it, and whether the `whole` table was read.
    """
    whole = whole or not _whole_one_since(timezone.now() - _A_DAY)
    found = reconcile_mirror(progress) if whole else reconcile_changes(progress)
    return {**dataclasses.asdict(found), "whole": whole}


def reconcile_changes(progress: Progress) -> Reconciled:
    """Make the rows equal to the table of the records that are pending changes, or were published lately.

    The work is that of these records. Publications are asked for of the suites that were found to differ.
    """
    progress.step("read pending changes")
    table = package_table()
    keys = {change.key for suite in repository().suites for change in table.pending_changes_of(suite.name)}
    keys |= _published_since(timezone.now() - _LATELY)
    progress.step("compare rows", f"{len(keys)} packages")
    found = reconcile_keys(keys, progress)
    log.info("mirror_changes_reconciled", **dataclasses.asdict(found))
    return found


def _whole_one_since(moment: datetime) -> bool:
    done = Job.objects.filter(kind=Job.Kind.RECONCILE, state=Job.State.DONE, started__gt=moment)
    return done.filter(result__whole=True).exists()


def _published_since(moment: datetime) -> set[TableKey]:
    """Return the keys of what publications since a moment have added or removed."""
    lists = map(whole_lists, Publication.objects.filter(published_at__gt=moment))
    return {key_named(name) for each in lists for name in (*each["added"], *each["removed"])}
