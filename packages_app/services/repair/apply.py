"""A repair done as it was planned; one action that fails stops none of the others, and all is verified again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog

from packages_app.core.checksums import checksums_of, chunks_of
from packages_app.core.errors import ObjectNotFound, RepairRefused, RepomgrError
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.models import Job, Publication
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.services import adapters
from packages_app.services.mirror.packages import reconcile_mirror
from packages_app.services.publication.lease_hold import lease_held
from packages_app.services.publication.publish import publish
from packages_app.services.repair.plan import Act, Action, RepairPlan, plan_repair
from packages_app.services.repair.repair import restore_pool_file
from packages_app.services.verification.verify import verify_repository
from packages_app.services.verification.verify_pool import ORPHAN_AGE, sweep_of
from packages_app.sweeping.removal import move_orphans, put_back_named
from packages_app.sweeping.sweep import Leftover
from packages_app.verification.finding import Part, PoolScope, Verification

log = structlog.get_logger(__name__)


@dataclass
class RepairOutcome:
    """What a repair did, what it could not do and why, and what a verification found afterwards."""

    verification: Verification
    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass
class _Repair:
    """A repair under way."""

    progress: Progress
    orphan_age: timedelta
    job: Job | None
    outcome: RepairOutcome

    def attempt(self, what: Iterable[Action], do: Callable[[], object]) -> None:
        """Do some actions; an error is kept with each of them, and told."""
        texts = [action.text for action in what]
        try:
            do()
        except RepomgrError as error:
            self.outcome.failed += [f"{text}: {error}" for text in texts]
            self.progress.note(f"not repaired: {error}", level="error")
        else:
            self.outcome.done += texts


def apply_repair(
    plan: RepairPlan, progress: Progress, *, orphan_age: timedelta = ORPHAN_AGE, job: Job | None = None
) -> RepairOutcome:
    """Do what a plan says, in its order, and verify again what the plan's verification looked at.

    Pool files come first, since a publication copies them; what suites need is done while nobody else publishes them.
    Each action looks once more at what it is about to change. What can't be done is named in the outcome. Raise as
    `verify_repository`, after all that could be done is done.
    """
    outcome = RepairOutcome(plan.verification)
    run = _Repair(progress, orphan_age, job, outcome)
    actions = {act: [action for action in plan.actions if action.act is act] for act in Act}
    _restore(run, actions[Act.RESTORE])
    _drop(run, actions[Act.DROP])
    for action in actions[Act.PUBLISH]:
        run.attempt([action], partial(_publish, run, action.suite))
    _set_aside(run, actions[Act.SET_ASIDE])
    if actions[Act.RECONCILE]:
        run.attempt(actions[Act.RECONCILE], lambda: reconcile_mirror(progress))
    before = plan.verification
    outcome.verification = verify_repository(
        before.suites,
        progress,
        part=before.part,
        pool=before.pool,
        sample=before.sample,
        seed=before.seed,
        orphan_age=orphan_age,
        job=job,
    )
    log.info("repository_repaired", done=outcome.done, failed=outcome.failed, left=len(outcome.verification.findings))
    return outcome


def repair_repository(
    suites: Iterable[str],
    consent: Collection[str],
    progress: Progress,
    *,
    part: Part = Part.ALL,
    pool: PoolScope,
    sample: int,
    seed: str,
    job: Job,
) -> RepairOutcome:
    """Verify as somebody did before, and do what he consented to: `consent` holds the digests of the actions he saw.

    Raise `RepairRefused` when something else would have to be done by now. Less is done without asking, so that a
    repair that was interrupted goes on.
    """
    verification = verify_repository(suites, progress, part=part, pool=pool, sample=sample, seed=seed, job=job)
    plan = plan_repair(verification, progress)
    new = [action for action in plan.actions if action.digest not in consent]
    if new:
        raise RepairRefused(
            f"The repository is not as it was: a repair would {new[0].text} now, which nobody consented to.",
            remedy="Verify again, look at the new plan, and start the repair from there.",
        )
    return apply_repair(plan, progress, job=job)


def _restore(run: _Repair, actions: list[Action]) -> None:
    if not actions:
        return
    run.progress.step("restore pool files", str(len(actions)))
    records = adapters.package_table().get_many({action.record for action in actions if action.record is not None})
    for number, action in enumerate(actions):
        record = records.get(action.record) if action.record is not None else None
        run.attempt([action], partial(_restore_one, run, action, record))
        run.progress.advance(number + 1, len(actions))


def _restore_one(run: _Repair, action: Action, record: PackageRecord | None) -> None:
    same = record is not None and (record.pool_path, record.sha256_hash) == (action.key, action.sha256)
    if record is None or action.source is None or not same:
        raise RepomgrError(f"The record of {action.key} is another one by now.", remedy="Verify again.")
    kept = restore_pool_file(record, action.source, run.progress)
    run.progress.note(f"{action.key} is back" + (f"; the wrong bytes are kept as {kept}" if kept else ""))


def _drop(run: _Repair, actions: list[Action]) -> None:
    """Delete by-hash objects whose bytes are not what their name says, so that a publication can write them."""
    for suite in sorted({action.suite for action in actions}):
        run.progress.step("remove wrong indexes", suite)
        of_suite = [action for action in actions if action.suite == suite]
        with_lease = partial(_drop_of_suite, suite, [action.key for action in of_suite])
        run.attempt(of_suite, with_lease)


def _drop_of_suite(suite: str, keys: list[str]) -> None:
    bucket = adapters.bucket()
    with lease_held(adapters.package_table(), f"publish:{suite}") as lease:
        for key in keys:
            lease.keep_lease()
            try:
                with bucket.open(key) as stream:
                    found = checksums_of(chunks_of(stream)).sha256
            except ObjectNotFound:
                continue
            # By-hash objects are immutable, but bytes whose SHA256 is not their name can only be damage: no client
            # ever took them, and the publication that follows writes the right ones.
            if found != key.rpartition("/")[2]:
                bucket.delete(key)
                log.warning("wrong_index_removed", key=key, sha256=found)


def _publish(run: _Repair, suite: str) -> None:
    publish(
        suite, run.progress, options=PublicationOptions(rebuild=True), kind=Publication.Kind.FORCE_REBUILD, job=run.job
    )


def _set_aside(run: _Repair, actions: list[Action]) -> None:
    pool = [action for action in actions if action.key.startswith("pool/")]
    strays = [action for action in actions if action not in pool]
    for suite in sorted({_folder(action) for action in strays}):
        run.progress.step("move strays to staging", suite)
        of_suite = [action for action in strays if _folder(action) == suite]
        run.attempt(of_suite, partial(_move_from_suite, run, suite, [action.key for action in of_suite]))
    # After what is left of old suites: as long as that is there, it may name files of the pool.
    if pool:
        run.progress.step("move orphans to staging", str(len(pool)))
        run.attempt(pool, partial(_move_from_pool, run, {action.key for action in pool}))


def _folder(action: Action) -> str:
    return action.suite or action.key.split("/")[1]


def _move_from_pool(run: _Repair, keys: Collection[str]) -> None:
    """Move those orphans of the plan that still are; one that a record names by now comes back."""
    with lease_held(adapters.package_table(), "sweep") as lease:
        sweep = sweep_of(run.orphan_age, lease.keep_lease, adapters.now())
        plan = sweep.plan_pool()
        if plan.kept_back:
            raise RepomgrError(
                f"Orphans were left alone: {plan.kept_back}", remedy="Mend that first, then verify again."
            )
        move_orphans(sweep, [found for found in plan.orphans if found.key in keys])
        for key in put_back_named(sweep):
            run.progress.note(f"{key} is named by a record by now, and back", level="warning")


def _move_from_suite(run: _Repair, suite: str, keys: list[str]) -> None:
    with lease_held(adapters.package_table(), f"publish:{suite}") as lease:
        sweep = sweep_of(run.orphan_age, lease.keep_lease, adapters.now())
        move_orphans(sweep, [Leftover(key, 0) for key in keys])
