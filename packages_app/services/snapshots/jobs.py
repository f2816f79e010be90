"""Snapshots asked for, by people and by the clock, and the jobs that make and delete them."""

from __future__ import annotations

from typing import Any

from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.core.snapshot import SnapshotExists, SnapshotRefused, checked_id, snapshot_folder, time_of
from packages_app.core.storable_text import storable
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.models import Job
from packages_app.publishing.snapshots import IN_RELEASE, names_of_snapshots, objects_of_snapshots
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.jobs.rights import require_publisher
from packages_app.services.publication.requests import known_suite
from packages_app.services.snapshots.snapshots import (
    create_snapshot,
    delete_old_ones_of_the_clock,
    delete_snapshot,
    digest_in_place,
    digest_of,
    sources_line,
)

_CREATE, _DELETE = "create", "delete"


def request_snapshot(
    suite: str,
    name: str,
    *,
    reason: str = "",
    publication: str = "",
    user: queue.Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for a snapshot of what is in place of a suite, or of a past `publication`; return its job.

    Raise `RightMissing`, `PackageRefused` for an unknown suite, `SnapshotRefused` for an ID or a publication that
    can't be, and `SnapshotExists`.
    """
    require_publisher(user, "To make a snapshot")
    suite, name = known_suite(suite).name, checked_id(name.strip())
    if adapters.bucket().head(suite_path(snapshot_folder(suite, name), IN_RELEASE)) is not None:
        raise SnapshotExists(
            f"Suite {suite} has a snapshot {name} already.", remedy="Choose another ID, or delete that one first."
        )
    arguments = {"reason": storable(" ".join(reason.split()), LONGEST_REASON)}
    if publication:
        arguments["publication"] = digest_of(suite, publication.strip())
    return _enqueue(_CREATE, suite, name, arguments, user=user, requested_as=requested_as, wake_worker=wake_worker)


def request_deletion(
    suite: str,
    name: str,
    *,
    user: queue.Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for the deletion of a snapshot, or of what is left of one, also of a suite that is configured no more.

    Return its job. Raise `RightMissing`, and `SnapshotRefused` where there is nothing of it.
    """
    require_publisher(user, "To delete a snapshot")
    there = objects_of_snapshots(adapters.bucket(), suite)
    if name not in there:
        named = ", ".join(sorted(one for one in there if time_of(one) is None)) or "none"
        raise SnapshotRefused(f"Suite {suite[:80]} has no snapshot {name[:80]}.", remedy=f"There are: {named}.")
    return _enqueue(_DELETE, suite, name, {}, user=user, requested_as=requested_as, wake_worker=wake_worker)


def request_due_snapshots() -> list[Job]:
    """Ask for the snapshots that the clock is to make now, by the suites' `snapshots` in repository.yaml."""
    bucket, jobs = adapters.bucket(), []
    for suite in adapters.repository().suites:
        if suite.snapshots is None or bucket.head(suite_path(suite.name, IN_RELEASE)) is None:
            continue
        name = suite.snapshots.id_at(adapters.now())
        if name not in names_of_snapshots(bucket, suite.name):
            jobs.append(_enqueue(_CREATE, suite.name, name, {"reason": "", "keep": suite.snapshots.keep}))
    return jobs


def _enqueue(do: str, suite: str, name: str, arguments: dict[str, Any], **asked: Any) -> Job:
    return queue.enqueue(
        Job.Kind.SNAPSHOT,
        {"do": do, "suite": suite, "snapshot": name, **arguments},
        subject=f"{do} {suite} {name}"[:255],
        **asked,
    )


def do_snapshot(job: Job, progress: Progress) -> dict[str, Any]:
    """Make or delete a snapshot; return what became of it.

    Raise `RightMissing` when who asked may publish no more, and as `create_snapshot` and `delete_snapshot` do.
    """
    asked = job.arguments
    suite, name = asked["suite"], asked["snapshot"]
    require_publisher(job.requested_by, f"To {asked['do']} a snapshot")
    if asked["do"] == _DELETE:
        return {"suite": suite, "snapshot": name, "deleted_objects": delete_snapshot(suite, name, progress)}
    if not asked.get("publication"):  # a try after this one makes the same snapshot, whatever is published meanwhile
        asked["publication"] = digest_in_place(suite)
        Job.objects.filter(pk=job.pk).update(arguments=asked)
    snapshot = create_snapshot(suite, name, progress, reason=asked["reason"], publication=asked["publication"])
    result = {
        "suite": suite, "snapshot": name, "of": snapshot.of.isoformat(), "sources": sources_line(suite, name, snapshot),
    }  # fmt: skip
    if "keep" in asked:
        result["deleted"] = ", ".join(delete_old_ones_of_the_clock(suite, asked["keep"], progress))
    return result
