"""What would become of the files of a delivery, by what table and definitions say now; nothing is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from packages_app.core.caution import cautions_of, with_cautions
from packages_app.core.conflict import FileIdentity, conflict_between, same_file
from packages_app.core.errors import RepomgrError
from packages_app.core.record import PackageRecord, TableKey
from packages_app.models import Job
from packages_app.services import adapters
from packages_app.services.configuration.definitions import may_define
from packages_app.services.deliveries.delivered import Delivered, Place, Refusal, refuse
from packages_app.services.intake.admit import Admission, Admitted, NotDefined, admission_of_uploads, admit
from packages_app.services.intake.new_record import UPLOADED
from packages_app.services.intake.proposals import Proposal, proposed
from packages_app.services.intake.take_in import checked_record
from packages_app.services.lifecycle.preview import Seen
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import rights_of

_NAMES = 50
"""So many packages are looked at by all their versions."""


class Fate(StrEnum):
    """What becomes of a file."""

    NEW = "new"
    KNOWN = "known"
    CONFLICT = "conflict"
    THERE = "there already"
    REFUSED = "refused"
    ASKED_FOR = "asked for"


@dataclass(frozen=True)
class Judged:
    """A file and its fate: the record that it would have, what about it waits for a person, why it is refused.

    `proposal` is the definition that is made first of a package that has none. `clash` says what a conflict is with, or
    what it may be the same as: the record of a file that is not hashed yet has no checksums that count. `job` takes in
    what was asked for.
    """

    came: Delivered
    fate: Fate
    record: PackageRecord | None = None
    proposal: Proposal | None = None
    refused: Refusal | None = None
    clash: str = ""
    job: Job | None = None

    @property
    def may_be_taken(self) -> bool:
        """Whether a job can be asked for: a conflict too, which quarantines the file for a person to settle."""
        return self.fate in (Fate.NEW, Fate.CONFLICT, Fate.THERE)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """What about it needs a person's word before clients get it, a line each."""
        found = cautions_of(self.record) if self.record is not None else ()
        return tuple(f"{caution.code}: {caution.text}" for caution in found)

    @property
    def said(self) -> tuple[str, ...]:
        """What its job says of this very file, by its name: lines of those that were not taken in."""
        refused = self.job.result.get("refused", ()) if self.job is not None else ()
        return tuple(line for line in refused if line.startswith(f"{self.came.name}: "))


@dataclass(frozen=True)
class DeliveryPreview:
    """The files of a delivery, the definitions that would be made, and what would be the newest for clients.

    `seen` are changes of suites, `more` how many packages were not looked at, `older` come beside a newer version.
    """

    files: tuple[Judged, ...]
    proposals: tuple[Proposal, ...]
    seen: tuple[Seen, ...]
    older: tuple[str, ...]
    more: int

    @property
    def takeable(self) -> int:
        """How many files may be asked for."""
        return sum(file.may_be_taken for file in self.files)


def look_at(files: Sequence[Delivered], user: Asker) -> DeliveryPreview:
    """Return what would become of files that somebody would take in, and what clients would see then."""
    judged = _with_jobs(judged_for(files, user))
    coming = [file for file in judged if file.fate is Fate.NEW and file.record is not None]
    records = [file.record for file in coming if file.record is not None]
    used = {file.proposal.name: file.proposal for file in judged if file.proposal and file.may_be_taken}
    seen, older = _newest(records)
    more = max(0, len({record.package_name for record in records}) - _NAMES)
    return DeliveryPreview(tuple(judged), tuple(used.values()), seen, older, more)


def judged_for(files: Sequence[Delivered], user: Asker) -> list[Judged]:
    """Return the fates of files that somebody would take in."""
    proposals = _proposals(files, user)
    judged = []
    for came in files:
        name = came.contents.control["Package"] if came.control else ""
        judged.append(_judged(came, proposals.get((name, came.place)), user))
    return _compared(judged)


_Proposals = dict[tuple[str, Place], Proposal | Refusal]


def _proposals(files: Iterable[Delivered], user: Asker) -> _Proposals:
    """Return a proposal, or why none can be made, for packages without a definition, where somebody may define them.

    A package has one, for all its files: in the place of the first.
    """
    if not may_define(user):
        return {}
    architectures: dict[str, set[str]] = defaultdict(set)
    places: dict[str, list[Place]] = defaultdict(list)
    for came in files:
        if came.control and came.refused is None and not came.job:
            control = came.contents.control
            architectures[control["Package"]].add(control["Architecture"])
            places[control["Package"]].append(came.place)
    found: _Proposals = {}
    for name, wanted in architectures.items():
        first = places[name][0]
        made: Proposal | Refusal
        try:
            made = proposed(name, wanted, suite=first.suite, component=first.component)
        except RepomgrError as error:
            made = Refusal(error.code, error.message, error.remedy)
        found |= {(name, place): made for place in places[name]}
    return found


def _judged(came: Delivered, proposal: Proposal | Refusal | None, user: Asker) -> Judged:
    """Return a file with the record that it would have, or refused."""
    if came.refused is not None or came.checksums is None:
        return Judged(came, Fate.REFUSED, refused=came.refused)
    if came.job:
        return Judged(came, Fate.ASKED_FOR)
    place = came.place
    used: Proposal | None = None
    try:
        admission = admission_of_uploads(
            rights_of(user), suite=place.suite, component=place.component, rollout=place.rollout, build=place.build
        )  # fmt: skip
        try:
            admitted = admit(came.contents, admission, came.name)
        except NotDefined:
            if proposal is None:
                raise
            if isinstance(proposal, Refusal):
                return Judged(came, Fate.REFUSED, refused=proposal)
            used = proposal
            admitted = admit(came.contents, _with(admission, used), came.name)
        record = checked_record(came.contents, came.checksums, admitted, UPLOADED, came.cautions or ())
    except RepomgrError as error:
        return Judged(came, Fate.REFUSED, refused=refuse(came, error).refused)
    return Judged(came, Fate.NEW, _less_allowed(record, admitted), used)


def _with(admission: Admission, proposal: Proposal) -> Admission:
    return replace(admission, definitions={**admission.definitions, proposal.name: proposal.definition})


def _less_allowed(record: PackageRecord, admitted: Admitted) -> PackageRecord:
    return with_cautions(record, cautions_of(record), admitted.definition.allow)


def _compared(judged: Sequence[Judged]) -> list[Judged]:
    """Compare files with what the table has of their versions, and with those before them."""
    keys = {file.record.key for file in judged if file.record is not None}
    table = adapters.package_table().get_many(keys)
    known: dict[TableKey, tuple[PackageRecord, FileIdentity, str]]
    known = {key: (one, one.file_identity, one.named) for key, one in table.items()}
    found = []
    for file in judged:
        record = file.record
        if record is None:
            found.append(file)
            continue
        offered = file.came.file_identity
        other, its, called = known.setdefault(record.key, (record, offered, f"{file.came.name} of this upload"))
        if other is record:
            found.append(file)
        elif conflict_between(its, offered):
            found.append(replace(file, fate=Fate.CONFLICT, clash=called))
        elif not same_file(its, offered) or not offered.sha256:
            found.append(replace(file, fate=Fate.THERE, clash=called))
        else:  # the same file in another suite is more of it
            adds = {*record.suites} - {*other.suites}
            found.append(file if adds else replace(file, fate=Fate.KNOWN, clash=called))
    return found


def _with_jobs(judged: Sequence[Judged]) -> list[Judged]:
    jobs = {str(job.pk): job for job in Job.objects.filter(pk__in=[file.came.job for file in judged if file.came.job])}
    return [replace(file, job=jobs.get(file.came.job)) for file in judged]


def _newest(records: Sequence[PackageRecord]) -> tuple[tuple[Seen, ...], tuple[str, ...]]:
    """Return what becomes another newest version of a suite, and what comes beside a newer one, a line each."""
    seen: list[Seen] = []
    older: list[str] = []
    by_name: dict[str, list[PackageRecord]] = defaultdict(list)
    for record in records:
        by_name[record.package_name].append(record)
    for name, some in sorted(by_name.items())[:_NAMES]:
        before = {
            (suite, record.architecture): record
            for record in adapters.package_table().versions_of(name)  # oldest first
            for suite in record.suites
        }
        for change in _changes(name, before, some):
            if isinstance(change, Seen):
                seen.append(change)
            else:
                older.append(change)
    return tuple(seen), tuple(older)


def _changes(
    name: str, before: dict[tuple[str, str], PackageRecord], coming: Iterable[PackageRecord]
) -> Iterator[Seen | str]:
    after = dict(before)
    for record in sorted(coming, key=lambda one: one.version_key):
        for suite in record.suites:
            there = after.get((suite, record.architecture))
            if there is None or there.version_key <= record.version_key:
                after[suite, record.architecture] = record
            else:
                yield f"{suite}: {record.named} is older than {there.version}, which clients go on getting"
    for (suite, architecture), newest in sorted(after.items()):
        old = before.get((suite, architecture))
        if old != newest:
            yield Seen(suite, name, architecture, old.version if old else "", newest.version, goes_back=False)
