"""Records moved between suites, each with an entry of its history; the indexes follow by publications.

Each record is changed by itself. Whoever dies on the way leaves pending changes, which a publication shows, and whoever
does the job again finds what is left to do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import structlog

from packages_app.core.batches import batches_of
from packages_app.core.errors import PackageRefused
from packages_app.core.layout import ALL
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, TableKey
from packages_app.core.repository import Suite
from packages_app.core.rights import Action, Rights, right_missing
from packages_app.core.rollout import check_steps
from packages_app.core.storable_text import storable
from packages_app.core.suite_change import LONGEST_REASON, What
from packages_app.models import Job, Webhook
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.files import check_files, coming_back, put_back_files
from packages_app.services.lifecycle.moved import move_together
from packages_app.services.lifecycle.one_build import check_builds
from packages_app.services.lifecycle.preview import Preview, preview, shown_of
from packages_app.services.lifecycle.shown import check_shown
from packages_app.services.lifecycle.steps import Move, Step, histories_by_version, steps_of
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.mirror.selection import select_packages
from packages_app.services.publication.requests import known_suite, known_suites, request_publications
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of, rights_of_job
from packages_app.services.transactions import in_transaction
from packages_app.services.webhooks.facts import withdrawn_version
from packages_app.services.webhooks.tell import Happening, tell

MOST = 10_000
"""Records of one job."""
_BATCH = 500

log = structlog.get_logger(__name__)


def keys_selected(query: str) -> list[TableKey]:
    """Return the keys of the packages that a query selects; raise `QueryRefused`, `PackageRefused` for none."""
    keys = list(select_packages(query)[: MOST + 1].record_keys())
    if not keys:
        raise PackageRefused("The query selects no package.", remedy="See what there is: manage.py packages QUERY.")
    if len(keys) > MOST:
        raise PackageRefused(f"The query selects more than {MOST} packages.", remedy="Narrow it, and do it in parts.")
    return keys


def plan_move(move: Move) -> list[Step]:
    """Return what a move would change.

    Raise `PackageRefused` for an unknown suite, for one that has no place for a package, for steps that are none, and
    where there is nothing to do; `OtherBuild` where a suite would get a second build of a version.
    """
    named = known_suites(move.suites) if move.suites else []
    records = records_named(move.keys)
    if move.rollout:
        check_steps(move.rollout)
    if move.what is What.PROMOTED:
        check_place(known_suite(move.to), records)
    steps = steps_of(move, adapters.package_table(), records)
    if not steps:
        raise PackageRefused(
            f"There is nothing to {move.verb}: {len(records)} versions are as that would leave them already"
            f"{' in ' if named or move.to else ''}{', '.join(filter(None, [*named, move.to]))}.",
            remedy="Name others, or look at their histories.",
        )
    check_builds(steps)
    return steps


def preview_move(move: Move) -> Preview:
    """Return what clients would see; raise as `plan_move` does."""
    return preview(plan_move(move))


def request_move(
    move: Move,
    reason: str,
    *,
    shown: Collection[str] | None = None,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for a move; return its job. `shown` is what the preview said that somebody consented to, None for none.

    Raise `RightMissing`, `PreviewOutdated` where something else would be done by now, and `PackageRefused` for a
    withdrawal without a reason and as `plan_move` does.
    """
    rights = rights_of(user)
    if not rights.may_somewhere(Action.PUBLISH):
        raise right_missing(Action.PUBLISH, f"To {move.verb} packages")
    reason = storable(" ".join(reason.split()), LONGEST_REASON)
    if move.what is What.WITHDRAWN and not reason:
        raise PackageRefused("A withdrawal has no reason.", remedy="Say why: those who look for the version read it.")
    steps = plan_move(move)
    _require(rights, move, steps)
    check_shown(shown_of(steps), shown)
    planned = replace(move, keys=tuple(step.record.key for step in steps))
    touched = sorted({suite for step in steps for suite in step.touched})
    arguments = {**planned.as_arguments(), "touched": touched, "reason": reason}
    return queue.enqueue(
        Job.Kind.MOVE, arguments, subject=_subject(planned, steps, arguments), user=user, requested_as=requested_as,
        wake_worker=wake_worker,
    )  # fmt: skip


def suites_to_publish(keys: Iterable[TableKey], suites: Iterable[str], user: Asker | None) -> list[str]:
    """Return those of suites in which somebody may publish every one of these packages."""
    rights, names = rights_of(user), {key[0].partition("#")[0] for key in keys}
    return [suite for suite in suites if all(rights.may(Action.PUBLISH, name, suite) for name in names)]


def do_move(job: Job, progress: Progress) -> dict[str, Any]:
    """Do what a job of a move says, as far as it is not done yet; return how many versions were moved, and suites.

    Raise `RightMissing` when who asked may publish no more, `FileSwept` as `check_files`, `OtherBuild` as
    `check_builds`, and the errors of the table.
    """
    move, reason, touched = Move.of_arguments(job.arguments), job.arguments["reason"], job.arguments["touched"]
    progress.step("read records")
    records = records_named(move.keys)
    steps = steps_of(move, adapters.package_table(), records)
    _require(rights_of_job(job), move, steps)
    if len(steps) < len(records):  # this job did them before it was interrupted, or another one did
        mirror_records(records)
        put_back_files(record for record in records if record.suites)
        request_publications({suite for record in records for suite in record.suites}.difference(touched))
    check_builds(steps)
    check_files(steps)
    count = move_records(move, steps, progress, who=job.asker, reason=reason, touched=touched)
    if move.what is What.WITHDRAWN:  # of all of them: a run of this job that was interrupted told of none
        in_transaction(lambda: tell(Webhook.Event.VERSION_WITHDRAWN, _withdrawn(move.keys, reason, job)))
    return {"moved": count, "suites": touched}


def _require(rights: Rights, move: Move, steps: Sequence[Step]) -> None:
    for name, suite in sorted({(step.record.package_name, suite) for step in steps for suite in step.touched}):
        rights.require(Action.PUBLISH, f"To {move.verb} packages", packages=[name], suites=[suite])


def _withdrawn(keys: Iterable[TableKey], reason: str, job: Job) -> Iterator[Happening]:
    """Yield what webhooks are told of each version that a job has withdrawn, by its history."""
    records = records_named(keys)
    histories = histories_by_version(adapters.package_table(), (record.key for record in records))
    for record in records:
        of_it = [one for one in histories[record.package_id] if one.architecture == record.built_for]
        last = [one for one in of_it if one.what is What.WITHDRAWN][-1:]
        left = {suite for one in last for suite in one.before} - set(record.suites)
        yield withdrawn_version(record, sorted(left), reason, job)


def move_records(
    move: Move, steps: Sequence[Step], progress: Progress, *, who: str, reason: str, touched: Sequence[str]
) -> int:
    """Do the steps of a move, and ask for publications of the suites `touched`; return how many versions were moved.

    Raise the errors of the table; what was moved by then is published.
    """
    progress.step(move.verb, f"{len(steps)} versions")

    anew = partial(steps_of, move, adapters.package_table())
    done = gone_through = 0
    try:
        for some in batches_of(steps, _BATCH):
            done += move_together(some, anew, move.what, who=who, reason=reason)
            put_back_files(coming_back(some))
            gone_through += len(some)
            progress.advance(gone_through, len(steps))
    finally:  # what was changed is shown, whatever stopped the rest
        request_publications(touched)
    log.info("versions_moved", what=str(move.what), moved=done, suites=list(touched), reason=reason)
    return done


def check_place(suite: Suite, records: Sequence[PackageRecord]) -> None:
    """Raise `PackageRefused` for a promotion of what a suite has no index for."""
    for record in records:
        if record.component not in suite.components:
            raise PackageRefused(
                f"{record.named} is of component {record.component}, which suite {suite.name} lacks.",
                remedy=f"Add it to the suite in repository.yaml, which has {', '.join(suite.components)}.",
            )
        if record.architecture not in (*suite.architectures, ALL):
            raise PackageRefused(
                f"{record.named} is for {record.architecture}, which suite {suite.name} lacks.",
                remedy=f"Add it to the suite in repository.yaml, which has {', '.join(suite.architectures)}.",
            )


def records_named(keys: Iterable[TableKey]) -> list[PackageRecord]:
    """Return the records of keys that are there, by name, version and architecture."""
    found = adapters.package_table().get_many(list(keys))
    return sorted(found.values(), key=lambda record: (record.package_name, record.version_key, record.built_for))


def _subject(move: Move, steps: Sequence[Step], arguments: dict[str, Any]) -> str:
    """Return what the job is about; the same again while it waits is the same job."""
    digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()[:8]
    more = f" and {len(steps) - 1} more" if len(steps) > 1 else ""
    to = f" to {move.to}" if move.to else ""
    return f"{move.verb} {steps[0].record.named[:120]}{more}{to} ({digest})"[:255]
