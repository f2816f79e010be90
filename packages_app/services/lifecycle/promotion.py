"""Promotion by the policies of definitions: what has been in one suite for long enough comes into another by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime
from typing import Any

import structlog

from packages_app.core.definition import Definition
from packages_app.core.errors import PackageRefused
from packages_app.core.policies import CONFLICT, HELD, PromotionPolicy
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.core.suite_change import What, changes_of
from packages_app.models import Conflict, Job
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.move import check_place, move_records
from packages_app.services.lifecycle.one_build import check_builds
from packages_app.services.lifecycle.steps import Move, Step, steps_of
from packages_app.services.lifecycle.unfinished import complete
from packages_app.services.publication.held_candidates import is_held_back
from packages_app.services.publication.requests import known_suite

log = structlog.get_logger(__name__)


def promoting() -> list[Definition]:
    """Return the enabled definitions with a policy, by name."""
    return [one for one in adapters.definitions().by_name.values() if one.promote is not None and one.enabled]


def request_promotion() -> list[Job]:
    """Ask for what is due by all policies; return the job, none where there is no policy."""
    return [queue.enqueue(Job.Kind.PROMOTE, subject="scheduled")] if promoting() else []


def do_promote(job: Job, progress: Progress) -> dict[str, Any]:
    """Promote what is due now; return the packages promoted, and what waits although its time has come.

    A package that can't be promoted stops no other. Raise the errors of table and database.
    """
    promoted: list[str] = []
    waiting: list[str] = []
    if job.tries:  # who died on the way has promoted some that are due no more
        for suite in sorted({one.promote.target for one in promoting() if one.promote is not None}):
            complete(suite)
    for definition in promoting():
        policy = definition.promote
        assert policy is not None  # noqa: S101 - `promoting` returns no other
        due = [record for name in definition.names for record in _due(name, policy)]
        if not due:
            continue
        move = Move(What.PROMOTED, tuple(record.key for record in due), to=policy.target, newer=True)
        steps = steps_of(move, adapters.package_table(), due)
        why = _hindrance(definition.names, policy) or _no_place(policy, due, steps)
        if why:
            waiting.append(f"{definition.name}: {why}")
            progress.note(f"{definition.name} stays in {policy.source}: {why}", level="warning")
            continue
        reason = f"{policy.after.days} days in {policy.source}"
        who = f"promote of {definition.file}"
        if steps:
            move_records(move, steps, progress, who=who, reason=reason, touched=[policy.target])
        promoted += [step.record.named for step in steps]
    log.info("promoted_by_policy", promoted=promoted, waiting=waiting)
    return {"promoted": promoted, "waiting": waiting}


def _due(name: str, policy: PromotionPolicy) -> Iterator[PackageRecord]:
    """Yield the newest versions of a name, by architecture, that were in the source suite for long enough.

    What is not newer than all of the target is none of them; nor is what somebody has withdrawn from the target.
    """
    now = adapters.now()
    newest: dict[str, PackageRecord] = {}
    there: dict[str, str] = {}
    for record in adapters.package_table().versions_of(name):  # oldest first
        if policy.target in record.suites:
            there[record.architecture] = record.version_key
        elif policy.source in record.suites:
            since = _since(record, policy)
            if since is not None and now - since >= policy.after:
                newest[record.architecture] = record
    yield from (one for place, one in newest.items() if one.version_key > there.get(place, ""))


def _since(record: PackageRecord, policy: PromotionPolicy) -> datetime | None:
    """Return since when a record is in the source suite, by its history; None where it was in the target before.

    Of a record that an earlier release took in, its own date tells.
    """
    changes = adapters.package_table().suite_changes_of(record.package_name, record.version)
    own = changes_of(changes, record.built_for)
    if any(policy.target in one.before for one in own):
        return None
    came = [one.when for one in own if one.brings_into(policy.source)]
    try:
        moment = datetime.fromisoformat(came[-1] if came else record.processed_timestamp)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _hindrance(names: Collection[str], policy: PromotionPolicy) -> str:
    """Return why nothing of a definition's packages is promoted now, "" where nothing hinders it."""
    if HELD in policy.unless and is_held_back(policy.source):
        return f"a candidate of {policy.source} is held back"
    if CONFLICT in policy.unless and Conflict.objects.filter(package_name__in=names, settled=False).exists():
        return "it has an open conflict"
    return ""


def _no_place(policy: PromotionPolicy, due: list[PackageRecord], steps: list[Step]) -> str:
    try:
        check_place(known_suite(policy.target), due)
        check_builds(steps)
    except PackageRefused as error:
        return error.message
    return ""
