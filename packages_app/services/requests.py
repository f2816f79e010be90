"""What people ask for: each call makes a job (or gives the one that waits already) and names who asked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import structlog
from django.db import transaction

from packages_app.core.definition import PACKAGE_NAME
from packages_app.core.errors import PackageRefused, RepairRefused
from packages_app.core.rights import Action, right_missing
from packages_app.core.version import parse_version
from packages_app.debian.limits import LONGEST_NAME
from packages_app.models import Conflict, Job, Notice
from packages_app.services.intake.build_bootstrap import bootstrap_definition
from packages_app.services.intake.checks_at_work import check_at_work
from packages_app.services.intake.conflicts import package_of, settle
from packages_app.services.intake.refused_offers import forget_refused_offers
from packages_app.services.jobs import queue
from packages_app.services.notices.notify import settle_notices
from packages_app.services.publication.held_candidates import approve_for_rebuild
from packages_app.services.publication.requests import known_suites
from packages_app.services.repair.force_rebuild import ask_for_rebuilds
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, rights_of
from packages_app.verification.finding import Part, PoolScope

_LONGEST_SUBJECT = 255

log = structlog.get_logger(__name__)


def request_sync(
    names: Iterable[str],
    user: Asker | None,
    *,
    again: bool = False,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for a check of the named definitions upstream; all enabled ones when none is named.

    A check of them that is at work already is given instead of a second one. With `again` what was refused before is
    fetched once more, by a check that begins after this call. Raise `PackageRefused` for what can be no package's name:
    a job keeps the names that it is given. `requested_as` and `wake_worker` are as in `request_force_rebuild`.
    """
    wanted = sorted(set(names))
    rights = rights_of(user)
    if not wanted:
        rights.require(Action.PUBLISH, "A check of all upstream")
    for name in wanted:
        if not rights.may_somewhere(Action.PUBLISH, name):
            raise right_missing(Action.PUBLISH, "A check upstream", name)
    for name in wanted:
        if len(name) > LONGEST_NAME or not PACKAGE_NAME.match(name):
            raise PackageRefused(f"{name[:80]!r} is no package's name.", remedy="Name definitions that are listed.")
    if again:
        forget_refused_offers(wanted)
    elif at_work := check_at_work(wanted, subject=_subject(wanted)):
        return at_work
    return queue.enqueue(
        Job.Kind.SYNC,
        {"names": wanted},
        subject=_subject(wanted),
        user=user,
        requested_as=requested_as,
        wake_worker=wake_worker,
    )


def request_force_rebuild(
    suites: Iterable[str],
    user: Asker | None = None,
    *,
    requested_as: str = "",
    approved: Iterable[int] = (),
    repair: bool = False,
    new_identity: bool = False,
    new_key: bool = False,
    wake_worker: bool = True,
) -> list[Job]:
    """Ask for a force rebuild of suites, all when none is named; return a job for each.

    It publishes nothing that is held back but the candidates whose numbers are in `approved`. `user` asks in the admin,
    `requested_as` names the system user whose command does. Raise `PackageRefused` for an unknown suite and for a
    candidate that can't be approved; nothing is approved and no job made then. With `wake_worker` off the caller runs
    them.
    """
    flags = {"repair": repair, "new_identity": new_identity, "new_key": new_key}
    names = known_suites(suites)
    require(user, Action.PUBLISH, "A force rebuild", suites=names)
    with transaction.atomic():
        approve_for_rebuild(approved, names, user, requested_as)
        return ask_for_rebuilds(names, flags, user=user, requested_as=requested_as, wake_worker=wake_worker)


def request_build(name: str, version: str, user: Asker | None) -> Job:
    """Ask for a build of a bootstrap package; raise `RightMissing`, `PackageRefused`, `InvalidVersion`."""
    require(user, Action.BOOTSTRAP, "A build", packages=[name])
    bootstrap_definition(name)
    parse_version(version)
    return queue.enqueue(Job.Kind.BUILD, {"name": name, "version": version}, subject=f"{name} {version}", user=user)


def request_sweep(user: Asker | None, *, dry_run: bool = False) -> Job:
    """Ask for a sweep, or for what one would take; raise `RightMissing`."""
    require(user, Action.PUBLISH, "A sweep")
    subject = "dry run" if dry_run else "all"
    return queue.enqueue(Job.Kind.SWEEP, {"dry_run": dry_run}, subject=subject, user=user)


def request_verify(user: Asker | None, *, suites: Iterable[str] = (), pool: PoolScope = PoolScope.SAMPLE) -> list[Job]:
    """Ask for a verification of suites, all when none is named; return a job for each, and last one for the pool.

    Raise `PackageRefused` for an unknown suite, before any job is made.
    """
    wanted = list(suites)
    each = known_suites(wanted)
    require(user, Action.PUBLISH, "A verification", suites=each)
    named = each if wanted else []
    jobs = [
        queue.enqueue(Job.Kind.VERIFY, {"suites": [name], "part": str(Part.SUITES)}, subject=f"suite {name}", user=user)
        for name in each
    ]
    subject = f"pool of {_subject(named)}" + (", all of it" if pool is PoolScope.ALL else "")
    arguments = {"suites": named, "pool": str(pool), "part": str(Part.POOL)}
    return [*jobs, queue.enqueue(Job.Kind.VERIFY, arguments, subject=subject[:255], user=user)]


def request_repair(verification: Job, digest: str, user: Asker | None) -> Job:
    """Ask for the repair that a verification's page shows; `digest` is that of the plan shown.

    Raise `RepairRefused` when the job has no such plan.
    """
    require(user, Action.PUBLISH, "A repair")
    plan = verification.result.get("digest", "") if verification.kind == Job.Kind.VERIFY else ""
    if not plan or plan != digest:
        raise RepairRefused(
            f"The job {verification} has no plan of a repair, or another one.",
            remedy="Verify again, and start the repair from the new job's page.",
        )
    names = ("suites", "part", "pool", "sample", "seed", "consent", "digest")
    arguments = {name: verification.result[name] for name in names if name in verification.result}
    return queue.enqueue(Job.Kind.REPAIR, arguments, subject=digest[:16], user=user)


def request_again(job: Job, user: Asker | None) -> Job:
    """Ask for the work of a failed job once more; raise `PackageRefused` for one that has not failed."""
    require(user, Action.PUBLISH, "To do a job again")
    if job.state != Job.State.FAILED:
        raise PackageRefused(f"The job {job} has not failed.", remedy="Wait until it has ended.")
    return queue.enqueue(Job.Kind(job.kind), job.arguments, subject=job.subject, user=user)


def settle_conflicts(conflicts: Iterable[Conflict], user: Asker) -> int:
    """Mark conflicts as looked into; return how many were open. What clients have stays as it is."""
    chosen = list(conflicts)
    require(user, Action.PUBLISH, "To settle a conflict", packages={one.package_name for one in chosen})
    settled = settle(chosen)
    log.info("conflicts_settled", conflicts=[conflict.pk for conflict in chosen], user=user.get_username())
    return settled


def settle_by_hand(notices: Iterable[Notice], user: Asker) -> int:
    """Mark notices as looked into, and the conflicts that they are about; return how many were open."""
    chosen = list(notices)
    require(user, Action.PUBLISH, "To settle a notice")
    settled = sum(settle_notices(Notice.Kind(notice.kind), notice.subject) for notice in chosen)
    matters = {notice.subject for notice in chosen if notice.kind == Notice.Kind.VERSION_CONFLICT}
    settle_conflicts([c for c in Conflict.objects.filter(settled=False) if package_of(c) in matters], user)
    log.info("notices_settled", notices=[str(notice.pk) for notice in chosen], user=user.get_username())
    return settled


def _subject(names: list[str]) -> str:
    """Return what a job is about, by which one that waits is found: names too long for it end in their digest."""
    subject = ", ".join(names) or "all"
    if len(subject) <= _LONGEST_SUBJECT:
        return subject
    return f"{subject[:200]}… {hashlib.sha256(subject.encode()).hexdigest()[:16]}"
