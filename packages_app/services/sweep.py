"""The sweep: what no client can ask for any more goes (docs/ARCHITECTURE.md, The sweep)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import structlog
from django.conf import settings

from packages_app.core.errors import StoreMissing
from packages_app.core.history_errors import ContentsGone
from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.models import Conflict, Job, Publication
from packages_app.publishing.generations import digest_of
from packages_app.publishing.kept_contents import keep_full
from packages_app.publishing.published import read_published
from packages_app.services import adapters
from packages_app.services.intake.upload_batch import staged_by
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.rights.rule import require_of_job
from packages_app.sources.build_script import BuildScriptSettings
from packages_app.sweeping.removal import (
    move_orphans,
    put_back_named,
    remove_generations,
    remove_leftovers,
    remove_retired,
)
from packages_app.sweeping.retention import Keeping
from packages_app.sweeping.retired import (
    RetiredPlan,
    folders_of_suites,
    forget_retired,
    leave_mark,
    look_at_retired,
    marked_suites,
    plan_retired,
)
from packages_app.sweeping.sweep import History, Leftover, SuitePlan, Sweep

_FIRST = 20

log = structlog.get_logger(__name__)


def keeping() -> Keeping:
    """Return how much is kept, by the settings."""
    return Keeping(settings.SWEEP_GENERATIONS, timedelta(days=settings.SWEEP_DAYS))


def do_sweep(job: Job, progress: Progress) -> dict[str, Any]:
    """Do a job's sweep, or say what it would take; as `sweep`."""
    require_of_job(job, Action.PUBLISH, "A sweep")
    return sweep(progress, dry_run=job.arguments.get("dry_run", False))


def sweep(progress: Progress, *, dry_run: bool = False, now: datetime | None = None) -> dict[str, Any]:
    """Remove old by-hash objects, pool files that nothing names, and leftovers in staging, contents kept too long too.

    What suites that are configured no more have left goes too. With `dry_run` nothing changes. Return for each of
    by_hash, snapshots, retired, pool and staging how many objects went (or would), their bytes and the first keys; and
    under kept_back why something was left alone. Every key is logged. Raise `LeaseBusy` when a suite is being published
    or another sweep runs, `LeaseLost`, and `ObjectChanged`: trying again is safe.
    """
    with _lease("sweep", dry_run=dry_run) as keep_lease:
        bound = Sweep(
            adapters.package_table(),
            adapters.bucket(),
            adapters.staging(),
            adapters.signer().public_keyring(),
            keeping(),
            now or adapters.now(),
            keep_lease,
        )
        suites = [_sweep_suite(bound, suite.name, progress, dry_run=dry_run) for suite in adapters.repository().suites]
        retired = _sweep_retired(bound, progress, dry_run=dry_run)
        plans: list[SuitePlan | RetiredPlan] = [*suites, *retired]
        gone = {plan.suite for plan in retired if plan.takes_release}
        # Staging comes first, so that what is moved there from the pool stays whatever the clocks say.
        leftovers = _sweep_staging(bound, progress, dry_run=dry_run)
        orphans, pool_kept_back = _sweep_pool(bound, gone, progress, dry_run=dry_run)
    kept_back = [f"suite {plan.suite}: {plan.kept_back}" for plan in plans if plan.kept_back] + pool_kept_back
    for why in kept_back:
        progress.note(f"left alone: {why}", level="warning")
    result: dict[str, Any] = {
        "by_hash": _summary(found for plan in suites for found in plan.by_hash),
        "snapshots": _summary(found for plan in suites for found in plan.snapshots),
        "retired": _summary(found for plan in retired for found in plan.objects),
        "pool": _summary(orphans),
        "staging": _summary([*(found for plan in plans for found in plan.releases), *leftovers]),
    }
    verb = "would go" if dry_run else "went"
    for name, summary in result.items():
        progress.note(f"{name}: {summary['objects']} objects {verb}, {summary['bytes']} bytes")
    return {"dry_run": dry_run, **result, "kept_back": kept_back}


def _sweep_suite(bound: Sweep, suite: str, progress: Progress, *, dry_run: bool) -> SuitePlan:
    progress.step("sweep suite", suite)
    with _lease(f"publish:{suite}", dry_run=dry_run) as keep_lease:
        held = _held_by(bound, keep_lease)
        if not dry_run:
            _keep_contents(held, suite, progress)  # while the indexes that it may have to be read from are there
        plan = held.plan_suite(suite)
        contents = held.plan_contents(suite, _history(held, suite))
        if dry_run:
            _log_planned([*plan.snapshots, *plan.by_hash, *plan.releases, *contents])
        else:
            remove_generations(held, plan)
            remove_leftovers(held, contents)
    return replace(plan, releases=(*plan.releases, *contents))


def _sweep_retired(bound: Sweep, progress: Progress, *, dry_run: bool) -> list[RetiredPlan]:
    """Take away what suites have left that are configured no more, once the days are over that are kept."""
    configured = {suite.name for suite in adapters.repository().suites}
    marked = marked_suites(bound.staging)
    for suite in marked & configured if not dry_run else ():
        forget_retired(bound.staging, suite)
    given = cache(lambda: frozenset(bound.table.suites_given()))  # where no suite is retired, nobody asks
    plans = []
    for suite in sorted((folders_of_suites(bound.bucket) | marked) - configured):
        progress.step("sweep retired suite", suite)
        with _lease(f"publish:{suite}", dry_run=dry_run) as keep_lease:
            held = _held_by(bound, keep_lease)
            adapters.configuration().look()
            if adapters.repository().suite(suite) is None:  # nobody has brought it back meanwhile
                plans.append(_take_retired(held, suite, given, progress, dry_run=dry_run))
    return plans


def _take_retired(
    bound: Sweep, suite: str, given: Callable[[], Container[str]], progress: Progress, *, dry_run: bool
) -> RetiredPlan:
    retired = look_at_retired(bound, suite, given)
    plan = plan_retired(bound, retired, _history(bound, suite))
    if plan.waits:
        progress.note(f"suite {suite}: {plan.waits}")
    if dry_run:
        _log_planned([*plan.objects, *plan.releases])
        return plan
    if retired.ours and retired.mark is None:
        leave_mark(bound.staging, retired)
    if plan.objects:
        _keep_contents(bound, suite, progress)
    remove_retired(bound, plan)
    return plan


def _keep_contents(bound: Sweep, suite: str, progress: Progress) -> None:
    """Keep a full list of what a suite shows, where the way back to one is long."""
    try:
        kept = keep_full(bound.bucket, bound.staging, suite, read_published(bound.bucket, suite, bound.keyring))
    except ContentsGone as error:
        progress.note(error.message, level="warning")
    else:
        if kept:
            log.info("contents_kept", suite=suite)


def _history(bound: Sweep, suite: str) -> History:
    """Return which publications of a suite people can look at, by the rows and by the days that they are kept."""
    digests = Publication.objects.filter(suite=suite).values_list("release_sha256", flat=True)
    since = bound.now - timedelta(days=settings.HISTORY_KEPT_DAYS)
    return History({digest_of(sha256) for sha256 in digests.iterator()}, since)


def _held_by(bound: Sweep, keep_lease: Callable[[], None]) -> Sweep:
    """Return the sweep, which holds on to another lease besides."""

    def hold_both() -> None:
        bound.keep_lease()
        keep_lease()

    return replace(bound, keep_lease=hold_both)


def _sweep_pool(
    bound: Sweep, gone: Container[str], progress: Progress, *, dry_run: bool
) -> tuple[tuple[Leftover, ...], list[str]]:
    progress.step("sweep pool")
    plan = bound.plan_pool(gone)
    kept_back = [f"pool: {plan.kept_back}"] if plan.kept_back else []
    if dry_run:
        _log_planned(plan.orphans)
        return plan.orphans, kept_back
    try:
        move_orphans(bound, plan.orphans)
    except StoreMissing as error:  # the least rights allow no deletion from the pool
        return (), [f"pool: {len(plan.orphans)} files that nothing names may not be deleted: {error}"]
    for key in put_back_named(bound):
        progress.note(f"{key} is named by a record by now, and back", level="warning")
    return plan.orphans, kept_back


def _sweep_staging(bound: Sweep, progress: Progress, *, dry_run: bool) -> tuple[Leftover, ...]:
    progress.step("sweep staging")
    definitions = adapters.definitions().by_name.values()
    builds = [(d.name, s) for d in definitions if isinstance(s := d.source_settings, BuildScriptSettings)]
    prefixes = ["uploads/", "quarantine/", *(f"{build.prefix_for(name)}/" for name, build in builds)]
    leftovers = bound.plan_staging(prefixes, _needed())
    if dry_run:
        _log_planned(leftovers)
    else:
        remove_leftovers(bound, leftovers)
    return leftovers


def _needed() -> set[str]:
    """Return the staged files of jobs that may still be done, or started again, and of open conflicts."""
    may_be_done = Job.objects.exclude(state=Job.State.DONE).filter(kind=Job.Kind.UPLOAD)
    staged = (key for arguments in may_be_done.values_list("arguments", flat=True) for key in staged_by(arguments))
    conflicts = Conflict.objects.filter(settled=False)
    return {*staged, *conflicts.values_list("quarantined", flat=True)}


@contextmanager
def _lease(name: str, *, dry_run: bool) -> Iterator[Callable[[], None]]:
    """Hold a lease for the block, and return what renews it; a dry run changes nothing, so it needs none."""
    if dry_run:
        yield lambda: None
        return
    with lease_held(adapters.package_table(), name) as lease:
        yield lease.keep_lease


def _log_planned(planned: Iterable[Leftover]) -> None:
    for found in planned:
        log.info("object_would_be_swept", key=found.key, size=found.size)


def _summary(swept: Iterable[Leftover]) -> dict[str, Any]:
    found = list(swept)
    return {
        "objects": len(found),
        "bytes": sum(each.size for each in found),
        "first": [each.key for each in found[:_FIRST]],
    }
