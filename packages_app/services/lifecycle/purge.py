"""Versions purged: since a secret leaked, or the law wants it, nobody is to get them from here any more, ever.

The order is what makes it safe to be interrupted at any step, and done again: the suites are published without a
version before its record goes, so that clients meet no 404, and its key is taken for good before its file goes, so that
no upload brings it back meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from packages_app.core.errors import PackageRefused
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, TableKey, make_package_id, named_key
from packages_app.core.rights import Action
from packages_app.core.storable_text import storable
from packages_app.core.suite_change import LONGEST_REASON, What, change_of, is_purged
from packages_app.models import Job, Webhook
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.copies import PurgedFile, check_removable, remove_copies, remove_from_root
from packages_app.services.lifecycle.move import move_records, records_named
from packages_app.services.lifecycle.preview import Preview, preview
from packages_app.services.lifecycle.steps import Move, histories_by_version, steps_of
from packages_app.services.mirror.packages import reconcile_keys
from packages_app.services.publication.publish import publish
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, require_of_job
from packages_app.services.snapshots.snapshots import snapshots_naming
from packages_app.services.webhooks.facts import purged_version
from packages_app.services.webhooks.tell import tell

MOST = 500
"""Versions of one job."""
_NAMED = 5
OUT_OF_REACH = (
    "Out of reach are: clients that have installed or downloaded it; mirrors of this repository, and caches of a CDN or"
    " proxy (tell them the file's path); older versions of objects, where the bucket keeps them; backups of bucket and"
    " table. What leaked is to be made worthless, too: revoke it."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PurgePlan:
    """What is purged: the records, all of one name, and what clients will see of it."""

    name: str
    records: tuple[PackageRecord, ...]
    said: Preview

    def reach(self, most: int | None = None) -> str:
        """Return what a purge does not reach, snapshots among it: who installs it from one gets a 404.

        To tell of these their indexes are read, those that were not before, and with `most` no more than that.
        """
        found = snapshots_naming(self.name, (record.key for record in self.records), most)
        text = OUT_OF_REACH
        if found.named:
            text += (
                f" Snapshots still list it, without its file: {', '.join(found.named)}; delete them (snapshot delete)."
            )
        if found.unread:
            text += f" {found.unread} snapshots more were not looked at here; purge --dry-run looks at all."
        return text


def plan_purge(keys: Iterable[TableKey]) -> PurgePlan:
    """Return what a purge of these versions would do.

    Raise `PackageRefused` for versions of several packages, for too many, for none, and where another version has the
    same file, `VersionPurged` for one that was purged, and the errors of the table.
    """
    wanted = sorted(set(keys))
    if not 0 < len(wanted) <= MOST:
        raise PackageRefused(f"{len(wanted)} versions are to be purged.", remedy=f"Choose some, at most {MOST}.")
    found, purged = adapters.package_table().look_up(wanted)
    for key, change in purged.items():
        raise is_purged(key, change)
    records = tuple(found[key] for key in wanted if key in found)
    names = sorted({record.package_name for record in records})
    if len(records) < len(wanted) or len(names) != 1:
        more = ", …" if len(names) > _NAMED else ""
        told = ", ".join(names[:_NAMED]) + more or named_key(wanted[0])
        raise PackageRefused(
            f"{len(records)} of {len(wanted)} versions are there, of {told}.",
            remedy="Purge versions of one package at a time, that are in the table.",
        )
    _check_files(names[0], records)
    leaving = Move(What.WITHDRAWN, tuple(wanted))
    seen = preview(steps_of(leaving, adapters.package_table(), records))
    return PurgePlan(names[0], records, seen)


def purged_keys(name: str, version: str) -> list[TableKey]:
    """Return the keys of a version that were purged, by its history; they have no rows that a query finds."""
    changes = adapters.package_table().suite_changes_of(name, version)
    places = sorted({one.architecture for one in changes if one.what is What.PURGED})
    return [(make_package_id(name, version), architecture) for architecture in places]


def request_purge(
    keys: Iterable[TableKey],
    reason: str,
    typed: str,
    *,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for a purge; `typed` is the package's name, typed by who consents. Return its job.

    Raise `RightMissing` for who is no superuser, `PackageRefused` for another name, no reason, and as `plan_purge`.
    """
    require(user, Action.ADMINISTER, "A purge")
    plan = plan_purge(keys)
    reason = storable(" ".join(reason.split()), LONGEST_REASON)
    if not reason:
        raise PackageRefused("A purge has no reason.", remedy="Say why: it is told whoever offers the version again.")
    if typed != plan.name:
        raise PackageRefused(f"{typed[:80]!r} is not the package's name.", remedy=f"Type {plan.name} to consent.")
    files = [[*record.key, record.pool_path, record.file_size or 0, record.sha256_hash] for record in plan.records]
    arguments = {"files": files, "suites": _suites_of(plan.records), "reason": reason}
    first, more = plan.records[0].named[:120], len(files) - 1
    subject = f"{first} and {more} more" if more else first
    return queue.enqueue(
        Job.Kind.PURGE, arguments, subject=subject, user=user, requested_as=requested_as, wake_worker=wake_worker
    )


def do_purge(job: Job, progress: Progress) -> dict[str, Any]:
    """Purge what a job names, as far as it is not done yet; return how many versions, and the objects removed.

    Raise `RightMissing`; `RemovalRefused` where files may not be deleted, before anything is changed; `CandidateHeld`
    and what else keeps a suite from being published, before any file is touched; `PurgeUnfinished` where a copy of a
    file may not be deleted after all. Whatever it raises, the job may be done again.
    """
    require_of_job(job, Action.ADMINISTER, "A purge")
    reason = job.arguments["reason"]
    files = [PurgedFile(*one) for one in job.arguments["files"]]
    keys = [file.key for file in files]
    progress.step("ask whether files may be removed", f"{len(files)} files")
    records = records_named(keys)
    if records:
        check_removable(files)
    progress.step("read records", f"{len(files)} versions")
    move = Move(What.WITHDRAWN, tuple(keys))
    steps = steps_of(move, adapters.package_table(), records)
    suites = _configured(job.arguments["suites"])
    if steps:
        move_records(move, steps, progress, who=job.asker, reason=f"to be purged: {reason}", touched=suites)
    for suite in suites:  # also when all were withdrawn before: it may not be published yet
        publish(suite, progress, job=job)
    removed = remove_from_root(files, progress)
    progress.step("remove records")
    for record in records_named(keys):
        change = change_of(record, (), What.PURGED, who=job.asker, when=adapters.now(), reason=reason)
        adapters.package_table().purge(record, change)
    progress.step("remove files")
    removed += remove_copies(files, progress)
    progress.step("remove rows")
    reconcile_keys(keys, progress)
    tell(
        Webhook.Event.VERSION_PURGED,
        (purged_version(file.key, file.sha256, job.arguments["suites"], reason, job) for file in files),
    )
    progress.note(OUT_OF_REACH, level="warning")
    log.warning("versions_purged", packages=[named_key(key) for key in keys], who=job.asker, objects=removed)
    return {"purged": len(files), "suites": suites, "objects": removed}


def _check_files(name: str, records: Sequence[PackageRecord]) -> None:
    """Raise `PackageRefused` where a version that stays has the file of one that is purged."""
    paths, keys = {record.pool_path for record in records}, {record.key for record in records}
    for other in adapters.package_table().versions_of(name):
        if other.key not in keys and other.pool_path in paths:
            raise PackageRefused(
                f"{other.named} has the same file, {other.pool_path}.", remedy="Purge both, or neither."
            )


def _suites_of(records: Sequence[PackageRecord]) -> list[str]:
    """Return the suites that records are or ever were in: one may be withdrawn, and not be published without it yet."""
    histories = histories_by_version(adapters.package_table(), (record.key for record in records)).values()
    named = {suite for changes in histories for change in changes for suite in (*change.before, *change.after)}
    return sorted({*named, *(suite for record in records for suite in record.suites)})


def _configured(suites: Iterable[str]) -> list[str]:
    known = {suite.name for suite in adapters.repository().suites}
    return sorted(known & set(suites))
