"""Snapshots asked for, by people and by the clock, and the jobs that make and delete them."""

from __future__ import annotations

from typing import Any

from packages_app.core.layout import suite_path
from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.core.snapshot import (
    SnapshotExists,
    SnapshotIncomplete,
    SnapshotRefused,
    checked_id,
    snapshot_folder,
    time_of,
)
from packages_app.core.storable_text import storable
from packages_app.core.suite_change import LONGEST_REASON
from packages_app.models import Job
from packages_app.publishing.snapshot_parts import Recipe
from packages_app.publishing.snapshots import IN_RELEASE, Snapshot, names_of_snapshots, objects_of_snapshots
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.publication.requests import known_suite
from packages_app.services.publication.shown import shown_as
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, require_of_job
from packages_app.services.snapshots.compose import (
    PlannedSnapshot,
    as_arguments,
    compose_snapshot,
    plan_snapshot,
    recipe_of,
)
from packages_app.services.snapshots.parts import snapshot_named
from packages_app.services.snapshots.snapshots import (
    create_snapshot,
    delete_old_ones_of_the_clock,
    delete_snapshot,
    digest_in_place,
    sources_line,
)

_CREATE, _DELETE, _COMPOSE = "create", "delete", "compose"
_NAMED = 5
_MOST_NAMED = 100
"""Of what is lost, so much is kept with the job."""


def request_snapshot(
    suite: str,
    name: str,
    *,
    reason: str = "",
    publication: str = "",
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for a snapshot of what is in place of a suite, or of a past `publication`; return its job.

    `publication` may also be a snapshot or another suite's publication, as `part_named` takes it: that is copied. Raise
    `RightMissing`, `PackageRefused` for an unknown suite, `SnapshotRefused` for an ID that can't be,
    `PublicationUnknown`, and `SnapshotExists`.
    """
    require(user, Action.PUBLISH, "To make a snapshot", suites=[suite])
    suite, name = known_suite(suite).name, checked_id(name.strip())
    if _is_from_elsewhere(suite, publication):
        recipe = recipe_of(f"{suite}/{name}", [publication])
        return request_composed(recipe, reason, user=user, requested_as=requested_as, wake_worker=wake_worker)
    _check_free(suite, name)
    arguments = {"reason": _told(reason)}
    if publication:
        arguments["publication"] = shown_as(publication, suite).digest
    return _enqueue(_CREATE, suite, name, arguments, user=user, requested_as=requested_as, wake_worker=wake_worker)


def plan_creation(suite: str, name: str, publication: str = "") -> PlannedSnapshot:
    """Return what `request_snapshot` would make; nothing is asked for. Raise as that and as `plan_snapshot`."""
    suite, name = known_suite(suite).name, checked_id(name.strip())
    _check_free(suite, name)
    elsewhere = _is_from_elsewhere(suite, publication)
    named = publication if elsewhere or not publication else shown_as(publication, suite).digest
    planned = plan_snapshot(recipe_of(f"{suite}/{name}", [named or suite]))
    if planned.lost and not elsewhere:  # a publication is taken as it was, or not at all
        raise SnapshotIncomplete(
            f"Of the publication {len(planned.lost)} packages are lost: {'; '.join(planned.lost[:_NAMED])}.",
            remedy="Make one of what is left: snapshot merge, with this publication alone.",
        )
    return planned


def request_composed(
    recipe: Recipe,
    reason: str = "",
    *,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for a snapshot that is merged of others or filtered; return its job.

    Raise `RightMissing`, `SnapshotExists`, and as `plan_snapshot`.
    """
    require(user, Action.PUBLISH, "To make a snapshot", suites=[recipe.suite])
    plan_composed(recipe)
    arguments = {"reason": _told(reason), **as_arguments(recipe)}
    return _enqueue(
        _COMPOSE, recipe.suite, recipe.name, arguments, user=user, requested_as=requested_as, wake_worker=wake_worker
    )


def plan_composed(recipe: Recipe) -> PlannedSnapshot:
    """Return what `request_composed` would make; raise `SnapshotExists`, and as `plan_snapshot`."""
    _check_free(recipe.suite, recipe.name)
    return plan_snapshot(recipe)


def _is_from_elsewhere(suite: str, publication: str) -> bool:
    """Return whether what a person names is a snapshot, or what another suite shows now."""
    others = {one.name for one in adapters.repository().suites} - {suite}
    return snapshot_named(publication) is not None or publication.strip() in others


def _check_free(suite: str, name: str) -> None:
    if adapters.bucket().head(suite_path(snapshot_folder(suite, name), IN_RELEASE)) is not None:
        raise SnapshotExists(
            f"Suite {suite} has a snapshot {name} already.", remedy="Choose another ID, or delete that one first."
        )


def _told(reason: str) -> str:
    return storable(" ".join(reason.split()), LONGEST_REASON)


def objects_to_delete(suite: str, name: str) -> int:
    """Return how many objects a deletion of a snapshot would remove; raise `SnapshotRefused` where there are none."""
    there = objects_of_snapshots(adapters.bucket(), suite)
    if name not in there:
        named = ", ".join(sorted(one for one in there if time_of(one) is None)) or "none"
        raise SnapshotRefused(f"Suite {suite[:80]} has no snapshot {name[:80]}.", remedy=f"There are: {named}.")
    return len(there[name])


def request_deletion(
    suite: str,
    name: str,
    *,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for the deletion of a snapshot, or of what is left of one, also of a suite that is configured no more.

    Return its job. Raise `RightMissing`, and `SnapshotRefused` where there is nothing of it.
    """
    require(user, Action.PUBLISH, "To delete a snapshot", suites=[suite])
    objects_to_delete(suite, name)
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

    Raise `RightMissing` when who asked may publish no more, and as `create_snapshot`, `compose_snapshot` and
    `delete_snapshot` do.
    """
    asked = job.arguments
    suite, name = asked["suite"], asked["snapshot"]
    require_of_job(job, Action.PUBLISH, f"To {asked['do']} a snapshot", suites=[suite])
    if asked["do"] == _DELETE:
        return {"suite": suite, "snapshot": name, "deleted_objects": delete_snapshot(suite, name, progress)}
    if asked["do"] == _COMPOSE:
        snapshot, planned = compose_snapshot(suite, name, asked, progress, reason=asked["reason"])
        return {**_result(snapshot), "packages": len(planned.placed), "lost": list(planned.lost[:_MOST_NAMED])}
    if not asked.get("publication"):  # a try after this one makes the same snapshot, whatever is published meanwhile
        asked["publication"] = digest_in_place(suite)
        Job.objects.filter(pk=job.pk).update(arguments=asked)
    snapshot = create_snapshot(suite, name, progress, reason=asked["reason"], publication=asked["publication"])
    result = _result(snapshot)
    if "keep" in asked:
        result["deleted"] = ", ".join(delete_old_ones_of_the_clock(suite, asked["keep"], progress))
    return result


def _result(snapshot: Snapshot) -> dict[str, Any]:
    sources = sources_line(snapshot.suite, snapshot.name, snapshot)
    return {"suite": snapshot.suite, "snapshot": snapshot.name, "of": snapshot.of.isoformat(), "sources": sources}
