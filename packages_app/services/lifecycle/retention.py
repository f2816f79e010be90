"""Retention: what the policies of a suite and of definitions take out of it, shown before, then moved as all is."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import structlog

from packages_app.core.errors import InvalidVersion
from packages_app.core.policies import RetentionPolicy
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, TableKey, named_key
from packages_app.core.repository import Suite
from packages_app.core.retaining import Exact, Held, retained
from packages_app.core.rights import Action
from packages_app.core.suite_change import What
from packages_app.core.version import is_version, version_key
from packages_app.debian.relations import exact_relations
from packages_app.debian.stanza import parsed_stanza
from packages_app.models import Job, Publication
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.installable import Broken, broken_in
from packages_app.services.lifecycle.move import MOST, move_records, records_named
from packages_app.services.lifecycle.protected import protected_keys
from packages_app.services.lifecycle.steps import Move, steps_of
from packages_app.services.lifecycle.unfinished import complete
from packages_app.services.publication.held_candidates import is_held_back
from packages_app.services.publication.publication_lists import whole_lists
from packages_app.services.publication.requests import known_suite, known_suites
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, require_of_job

FAULTS = "{} has faults, so what its policy keeps is not known"
HELD_BACK = "a candidate of it is held back: which versions clients will have is not known"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RetentionPlan:
    """What goes out of a suite by its policies, at most `MOST` versions at a time, `more` besides.

    `policies` says each, that of the suite first, and nothing where there is none. `stays` counts the versions that
    stay by reason. `kept_back` says why nothing is taken out now, or is "".
    """

    suite: str
    policies: tuple[str, ...] = ()
    going: tuple[Held, ...] = ()
    more: int = 0
    stays: Mapping[str, int] = field(default_factory=dict)
    kept_back: str = ""

    @property
    def freed(self) -> int:
        """Return the bytes of the files that no suite has then: what the sweep may take from the pool."""
        return sum(one.size for one in self.going if one.suites == (self.suite,))

    @property
    def digest(self) -> str:
        """Return what tells this plan's versions from others': a consent is to just these."""
        return hashlib.sha256("\n".join(named_key(one.key) for one in self.going).encode()).hexdigest()


def has_policy(suite: Suite) -> bool:
    """Return whether anything may go out of a suite by a policy."""
    return suite.retain is not None or any(
        one.retain is not None and suite.name in one.every_suite for one in adapters.definitions().by_name.values()
    )


def plan_retention(name: str) -> RetentionPlan:
    """Return what would go out of a suite now; raise `PackageRefused` for an unknown suite, and the table's errors."""
    suite, now = known_suite(name), adapters.now()
    defined = adapters.definitions().by_package
    policies = {package: one.retain for package, one in defined.items() if one.retain is not None}

    def policy_of(package: str) -> RetentionPolicy | None:
        return policies.get(package, suite.retain)

    if not has_policy(suite):
        return RetentionPlan(name)
    said = tuple(f"{package}: {policy}" for package, policy in sorted(policies.items()))
    said = (f"suite {name}: {suite.retain or 'without a policy, all is kept'}", *said)
    if why := _why_not_now(name):
        return RetentionPlan(name, said, kept_back=why)

    def protected(those: Collection[Held]) -> dict[TableKey, str]:
        ages = {one.key: policy.age for one in those if (policy := policy_of(one.name))}
        return protected_keys(name, ages, now)

    found = retained(_versions(name), policy_of, now, protected)
    going = tuple(islice(found.going, MOST))
    return RetentionPlan(name, said, going, len(found.going) - len(going), found.stays)


def broken_by_retention(plan: RetentionPlan) -> Broken:
    """Return what can't be installed any more once this plan is done, where the suite asks for it."""
    return broken_in(known_suite(plan.suite), [one.key for one in plan.going], ()) if plan.going else ((), ())


def _why_not_now(suite: str) -> str:
    """Return why nothing of a suite is taken out now, "" where nothing hinders it."""
    if faults := adapters.definitions().problems:
        return FAULTS.format(", ".join(sorted({fault.file for fault in faults})))
    return HELD_BACK if is_held_back(suite) else ""


def request_retention(
    suites: Collection[str] = (),
    *,
    consented: Mapping[str, Collection[TableKey]] | None = None,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> list[Job]:
    """Ask for the retention of suites, of all that have a policy when none is named; return a job for each.

    With `consented` nothing goes but these versions of each suite, as far as the policies still say so. Raise
    `RightMissing`, and `PackageRefused` for an unknown suite.
    """
    names = known_suites(suites)
    require(user, Action.PUBLISH, "Retention", suites=names)
    jobs = []
    for name in names:
        keys = None if consented is None else [list(key) for key in sorted(consented.get(name, ()))]
        if keys == [] or not has_policy(known_suite(name)):
            continue
        jobs.append(
            queue.enqueue(
                Job.Kind.RETAIN, {"suite": name, "keys": keys}, subject=name, user=user, requested_as=requested_as,
                wake_worker=wake_worker,
            )
        )  # fmt: skip
    return jobs


def do_retain(job: Job, progress: Progress) -> dict[str, Any]:
    """Take out of a suite what its policies say now, of a job with consent only what that names; return how much.

    Raise `RightMissing` when who asked may publish no more, and the errors of the table.
    """
    suite = job.arguments["suite"]
    require_of_job(job, Action.PUBLISH, "Retention", suites=[suite])
    progress.step("read records", suite)
    plan = plan_retention(suite)
    if plan.kept_back:
        progress.note(f"suite {suite} is left alone: {plan.kept_back}", level="warning")
        return {"suite": suite, "moved": 0, "kept_back": plan.kept_back}
    if job.tries:  # who died on the way has moved some that no plan names any more
        complete(suite)
    consented = job.arguments.get("keys")
    allowed = None if consented is None else {(package_id, place) for package_id, place in consented}
    going = [one for one in plan.going if allowed is None or one.key in allowed]
    moved = sum(_take_out(suite, policy, keys, job, progress) for policy, keys in _by_policy(suite, going).items())
    log.info("suite_retained", suite=suite, moved=moved, left=plan.more)
    return {"suite": suite, "moved": moved, "left": plan.more, "freed": RetentionPlan(suite, going=tuple(going)).freed}


def _by_policy(suite: str, going: Iterable[Held]) -> dict[str, list[TableKey]]:
    """Return the keys of what goes by what the history is to say of why."""
    definitions, own = adapters.definitions().by_package, known_suite(suite).retain
    found: dict[str, list[TableKey]] = defaultdict(list)
    for one in going:
        definition = definitions.get(one.name)
        found[str(definition.retain if definition and definition.retain else own)].append(one.key)
    return found


def _take_out(suite: str, policy: str, keys: Iterable[TableKey], job: Job, progress: Progress) -> int:
    move = Move(What.RETAINED, tuple(keys), (suite,))
    steps = steps_of(move, adapters.package_table(), records_named(move.keys))
    return move_records(move, steps, progress, who=job.asker, reason=policy, touched=[suite])


def _versions(suite: str) -> list[Held]:
    """Return the versions of a suite as a policy looks at them, but for those that Debian knows no version of.

    Clients do not have yet what is pending. That is asked for after the records: what was written since is in neither.
    """
    last = Publication.objects.filter(suite=suite).first()
    rows = whole_lists(last)["left_out"] if last is not None else ()
    versions = [_held(one) for one in adapters.package_table().records_of(suite) if is_version(one.version)]
    unshown = {change.key for change in adapters.package_table().pending_changes_of(suite)}
    unshown |= {(row["package_id"], row["architecture"]) for row in rows}
    return [replace(one, shown=False) if one.key in unshown else one for one in versions]


def _held(record: PackageRecord) -> Held:
    said = parsed_stanza(record.control)[0] if "=" in record.control else {}
    needs = f"{said.get('pre-depends', '')},{said.get('depends', record.depends)}"
    gives = [(record.package_name, record.version), *exact_relations(said.get("provides", ""))]
    return Held(
        record.key, record.package_name, record.version_key, _moment(record.processed_timestamp), record.file_size or 0,
        record.suites, not record.missing_fields(), tuple(_keys(exact_relations(needs))), tuple(_keys(gives)),
    )  # fmt: skip


def _keys(relations: Sequence[tuple[str, str]]) -> Iterator[Exact]:
    for name, version in relations:
        try:
            yield name, version_key(version)
        except InvalidVersion:
            continue


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
