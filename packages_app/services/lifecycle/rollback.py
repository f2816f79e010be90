"""A suite set back to what a publication of it showed: looked at first, then done, then published, freshly dated.

The job names the publication; which records come and go is found when it runs. Whoever dies on the way is followed by
one that finds what is left to do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog

from packages_app.core.batches import batches_of
from packages_app.core.errors import NothingPublished
from packages_app.core.history_errors import NoPlaceAnyMore, NothingToRollBack
from packages_app.core.layout import ALL
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord, TableKey, named_key
from packages_app.core.repository import Suite
from packages_app.core.rights import Action
from packages_app.core.rollout import rollouts_of
from packages_app.core.snapshot import SnapshotRefused
from packages_app.core.storable_text import storable
from packages_app.core.suite_change import LONGEST_REASON, What
from packages_app.indexes.packages import LeftOut, place
from packages_app.models import Job, Publication
from packages_app.publishing.difference import Difference, difference, in_order
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.snapshot_parts import Part
from packages_app.services import adapters
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.files import coming_back, gone_for_good, put_back_files
from packages_app.services.lifecycle.installable import broken_in
from packages_app.services.lifecycle.moved import move_together
from packages_app.services.lifecycle.preview import Preview, Seen
from packages_app.services.lifecycle.shown import check_shown, digests_of
from packages_app.services.lifecycle.steps import Step
from packages_app.services.lifecycle.unfinished import bring_up_to_date
from packages_app.services.publication.publish import publish, result_of
from packages_app.services.publication.requests import known_suite, request_publication
from packages_app.services.publication.shown import Shown, shown_as, shown_now
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require, require_of_job
from packages_app.services.snapshots.parts import as_argument, keys_of, part_again, part_named, snapshot_named

FIRST = 100
"""So many packages are named on a page, and by a command."""
_BATCH = 500
_NAMED = 5

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Rollback:
    """What setting a suite back to a publication changes: `now` is what it shows, `to` what it is to show.

    `leaving` and `coming` are the keys of records, in order. `lost` names what that publication showed and nothing can
    bring back, with why; `gone` are the keys of what clients have now without a record, which they will lose. `seen` is
    the difference for clients.
    """

    suite: str
    now: Shown
    to: Shown | Part
    leaving: tuple[TableKey, ...]
    coming: tuple[TableKey, ...]
    lost: tuple[str, ...]
    gone: tuple[TableKey, ...]
    seen: Difference

    @property
    def verb(self) -> str:
        """Return what the suite does with what it is to show."""
        return "is filled from snapshot" if isinstance(self.to, Part) else "goes back to"

    @property
    def come(self) -> str:
        """Return what those do that come into the suite."""
        return "come in" if isinstance(self.to, Part) else "come back"

    @property
    def undo(self) -> str:
        """Return how to undo it, as a sentence; a suite that showed nothing is emptied by withdrawing all."""
        if not self.now.digest:
            return f"To undo it: manage.py withdraw '$Suite (= {self.suite})' --suite {self.suite} --reason …"
        return f"To undo it: manage.py rollback {self.suite} {self.now.digest}"

    @property
    def preview(self) -> Preview:
        """Return what clients will see, as of other moves: the first packages, and how many more there are.

        Those of which clients have a newer version come first, then by name.
        """
        first = sorted(self.seen.newest, key=lambda one: not one.goes_back)[:FIRST]
        seen = [Seen(self.suite, one.name, one.architecture, one.before, one.after, one.goes_back) for one in first]
        more = max(0, len(self.seen.newest) - FIRST)
        return Preview(len(self.leaving) + len(self.coming), (self.suite,), tuple(seen), more, shown=self.shown)

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the digest of what changes, which a consent is checked against."""
        lists = (self.leaving, self.coming, self.gone)
        lines = [f"{number} {named_key(key)}" for number, keys in enumerate(lists) for key in keys]
        return digests_of((self.suite, line) for line in (self.to.digest, *lines, *self.lost))


def preview_rollback(planned: Rollback) -> Preview:
    """Return its preview with what can't be installed after it, where the suite asks for it."""
    suite = known_suite(planned.suite)
    coming = (record for some in batches_of(planned.coming, _BATCH)
              for record in adapters.package_table().get_many(some).values())  # fmt: skip
    broken, unasked = broken_in(suite, planned.leaving, coming)
    return replace(planned.preview, broken=broken, unasked=unasked)


def plan_rollback(suite_name: str, publication: str) -> Rollback:
    """Return what setting a suite back to a publication would change; nothing is changed.

    `publication` names it as `shown_as` says. Raise `PublicationUnknown`, of another suite's too, `ContentsGone`,
    `NoPlaceAnyMore`, `NothingToRollBack`, and `PackageRefused` for an unknown suite.
    """
    suite = known_suite(suite_name)
    return _something(_planned(suite, shown_as(publication, suite.name)))


def plan_fill(suite_name: str, snapshot: str) -> Rollback:
    """Return what filling a suite from a snapshot, `SUITE/ID`, would change; nothing is changed.

    It may be one of another suite, and the suite may show nothing yet. Raise `SnapshotRefused` where there is no such
    snapshot, and else as `plan_rollback`.
    """
    return _something(_planned(known_suite(suite_name), _snapshot(snapshot)))


def _snapshot(text: str) -> Part:
    if snapshot_named(text) is None:
        raise SnapshotRefused(
            f"{text[:80]!r} names no snapshot.",
            remedy="Write SUITE/ID. A suite goes back to a publication of its own by a roll back.",
        )
    return part_named(text)


def _something(rollback: Rollback) -> Rollback:
    """Return a plan that changes something; raise `NothingToRollBack` for another."""
    shows_it = not (rollback.seen.only_before or rollback.seen.only_after)
    if not (rollback.leaving or rollback.coming) and shows_it:
        raise NothingToRollBack(
            f"Suite {rollback.suite} shows what {rollback.to} showed, as far as it is still there.",
            remedy="Name another publication.",
        )
    return rollback


def request_rollback(
    suite_name: str,
    publication: str,
    reason: str = "",
    *,
    shown: Collection[str] | None = None,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for it; return the job. `shown` is what the plan said that somebody consented to, None for none.

    Raise `RightMissing`, `PreviewOutdated` where something else would be done by now, and as `plan_rollback`, before
    any job is made.
    """
    require(user, Action.PUBLISH, "To roll a suite back", suites=[suite_name])
    rollback = plan_rollback(suite_name, publication)
    check_shown(rollback.shown, shown)
    arguments = {"to": rollback.to.digest, **_arguments(rollback, reason)}
    return queue.enqueue(
        Job.Kind.ROLL_BACK, arguments, subject=f"{rollback.suite} to {rollback.to}", user=user,
        requested_as=requested_as, wake_worker=wake_worker,
    )  # fmt: skip


def request_fill(
    suite_name: str,
    snapshot: str,
    reason: str = "",
    *,
    shown: Collection[str] | None = None,
    user: Asker | None = None,
    requested_as: str = "",
    wake_worker: bool = True,
) -> Job:
    """Ask for it, as `request_rollback` does. Raise as that and `plan_fill`, before any job is made."""
    require(user, Action.PUBLISH, "To fill a suite from a snapshot", suites=[suite_name])
    rollback = plan_fill(suite_name, snapshot)
    check_shown(rollback.shown, shown)
    part = _snapshot(snapshot)
    told = " ".join(f"{part.folder}: {reason}".split()).removesuffix(":")
    return queue.enqueue(
        Job.Kind.ROLL_BACK, {"from": as_argument(part), **_arguments(rollback, told)},
        subject=f"{rollback.suite} from {part}"[:255], user=user, requested_as=requested_as, wake_worker=wake_worker,
    )  # fmt: skip


def _arguments(rollback: Rollback, reason: str) -> dict[str, Any]:
    return {
        "suite": rollback.suite, "before": rollback.now.digest, "gone": _digest(rollback.gone),
        "reason": storable(" ".join(reason.split()), LONGEST_REASON),
    }  # fmt: skip


def do_rollback(job: Job, progress: Progress) -> dict[str, Any]:
    """Do what is left of a job's roll back and publish; return how many versions moved, and the publication's facts.

    Raise `RightMissing` when who asked may publish no more, and what planning and publishing raise.
    """
    said = job.arguments
    require_of_job(job, Action.PUBLISH, "To roll a suite back", suites=[said["suite"]])
    suite = known_suite(said["suite"])
    progress.step("read records", suite.name)
    bring_up_to_date(suite.name)
    to = part_again(said["from"]) if "from" in said else shown_as(said["to"], suite.name)
    rollback = _planned(suite, to)
    try:
        done = _move_all(rollback, progress, who=job.asker, reason=said["reason"])
    except BaseException:  # what was changed is shown, whatever stopped the rest
        request_publication(suite.name)
        raise
    log.info("suite_rolled_back", suite=suite.name, to=rollback.to.digest, moved=done, reason=said["reason"])
    # Who consented was told of just these: of others a publication asks again.
    told = _digest(rollback.gone) == said["gone"]
    options = PublicationOptions(may_vanish=frozenset(rollback.gone) if told else frozenset())
    publication = publish(suite.name, progress, options=options, kind=Publication.Kind.ROLLBACK, job=job)
    return {"moved": done, "lost": len(rollback.lost), "undo": said["before"], **result_of(publication)}


def _planned(suite: Suite, to: Shown | Part) -> Rollback:
    table, target = adapters.package_table(), keys_of(to) if isinstance(to, Part) else to.contents()
    try:
        now = shown_now(suite.name)
        shown = now.contents()
    except NothingPublished:  # a suite that is new
        now, shown = Shown(suite.name, ""), frozenset()
    leaving: list[TableKey] = []
    homeless: list[PackageRecord] = []
    there: set[TableKey] = set()
    for record in table.records_of(suite.name):
        if record.key in target:
            there.add(record.key)
            homeless += [record] if _is_homeless(suite, record) else []
        elif not isinstance(place(suite, record), LeftOut):  # what no index carries is none of clients' business
            leaving.append(record.key)
    coming: list[TableKey] = []
    lost: list[str] = []
    for some in batches_of(sorted(target - there, key=in_order), _BATCH):
        found = table.get_many(some)
        missing = gone_for_good(found.values())
        lost += [f"{named_key(key)}: it has no record any more" for key in some if key not in found]
        lost += [f"{one.named}: its file is not in the pool" for one in found.values() if one.pool_path in missing]
        homeless += [record for record in found.values() if _is_homeless(suite, record)]
        coming += [key for key in some if key in found and found[key].pool_path not in missing]
    if homeless:
        raise _no_place(suite, homeless)
    gone = sorted(_without_record(shown - there - set(leaving)), key=in_order)
    return Rollback(
        suite.name, now, to, tuple(sorted(leaving, key=in_order)), tuple(coming), tuple(lost), tuple(gone),
        difference(shown, there | set(coming)),
    )  # fmt: skip


def _without_record(keys: Collection[TableKey]) -> Iterator[TableKey]:
    for some in batches_of(keys, _BATCH):
        found = adapters.package_table().get_many(some)
        yield from (key for key in some if key not in found)


def _is_homeless(suite: Suite, record: PackageRecord) -> bool:
    return record.component not in suite.components or record.architecture not in (*suite.architectures, ALL)


def _no_place(suite: Suite, records: Sequence[PackageRecord]) -> NoPlaceAnyMore:
    named = ", ".join(f"{record.named} (component {record.component})" for record in records[:_NAMED])
    more = ", …" if len(records) > _NAMED else ""
    return NoPlaceAnyMore(
        f"Suite {suite.name} has no place any more for {len(records)} packages that it showed then: {named}{more}.",
        remedy="Add their architecture or component to the suite in repository.yaml.",
    )


def _move_all(rollback: Rollback, progress: Progress, *, who: str, reason: str) -> int:
    """Move the records batch by batch; return how many of them this call has moved."""
    coming, there = frozenset(rollback.coming), [rollback.suite]
    what = What.FILLED if isinstance(rollback.to, Part) else What.ROLLED_BACK

    def steps_of(records: Iterable[PackageRecord]) -> list[Step]:
        others = [(record, [suite for suite in record.suites if suite != rollback.suite]) for record in records]
        steps = [
            Step(record, tuple(sorted([*suites, *there] if record.key in coming else suites)), rollouts_of(record))
            for record, suites in others
        ]
        return [step for step in steps if step.touched]

    keys = [*rollback.leaving, *rollback.coming]
    progress.step("roll back", f"{len(rollback.leaving)} leave, {len(rollback.coming)} come")
    done = gone_through = 0
    for some in batches_of(keys, _BATCH):
        steps = steps_of(adapters.package_table().get_many(some).values())
        done += move_together(steps, steps_of, what, who=who, reason=reason)
        put_back_files(coming_back(steps))
        gone_through += len(some)
        progress.advance(gone_through, len(keys))
    return done


def _digest(keys: Collection[TableKey]) -> str:
    """Return what tells these keys from others; "" for none."""
    return hashlib.sha256("\n".join(map(named_key, keys)).encode()).hexdigest() if keys else ""
