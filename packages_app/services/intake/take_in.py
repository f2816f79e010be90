"""Intake: from staged files to records that clients see, in the order that leaves at most orphan objects behind.

Staged files → hashes, control, checks → read by dpkg and apt → pool objects → records → seen in the pool once more →
suites → mirror rows → publications asked for (docs/ARCHITECTURE.md, Order of an intake). One file is a batch of one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import structlog

from packages_app.core.caution import Caution
from packages_app.core.checksums import Checksums, checksums_of_bytes, checksums_of_file
from packages_app.core.errors import InvalidDeb, PackageRefused, RepomgrError, VersionConflict
from packages_app.core.ports import Progress
from packages_app.core.record import PackageRecord
from packages_app.core.repository import Repository
from packages_app.debian.control import REMEDY
from packages_app.debian.deb_file import DebContents, open_deb, read_deb
from packages_app.debian.stanza import claims_in
from packages_app.package_table.packed_text import check_size
from packages_app.package_table.rules import check_suites
from packages_app.services import adapters
from packages_app.services.intake.admit import Admission, Admitted, admit
from packages_app.services.intake.cautions import cautions_in
from packages_app.services.intake.hand_made import tell_of_hand_made
from packages_app.services.intake.new_record import UPLOADED, Provenance, new_record
from packages_app.services.intake.real_word import asks_real_readers, complaints_about
from packages_app.services.intake.store_and_record import CheckedFile, Recorded, store_and_record
from packages_app.services.mirror.packages import mirror_records
from packages_app.services.publication.requests import request_publications
from packages_app.services.transactions import in_transaction

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class StagedFile:
    """A file to take in: its name for people, and its bytes, or the path where they lie, as a large file's must.

    `checksums` are the file's, from a caller that has taken them already.
    """

    name: str
    body: bytes | Path
    checksums: Checksums | None = None
    provenance: Provenance = UPLOADED


@dataclass(frozen=True)
class TakenIn:
    """A file that is in the repository now: its record as the table has it, and whether it was added just now."""

    name: str
    record: PackageRecord
    added: bool


@dataclass(frozen=True)
class Refused:
    """A file that was not taken in, and why; `conflicting` is the file when its version is there with other bytes."""

    name: str
    error: RepomgrError
    conflicting: CheckedFile | None = None


def take_in(files: Iterable[StagedFile], admission: Admission, progress: Progress) -> list[TakenIn | Refused]:
    """Take files into the repository; return what became of each, in their order. Safe to repeat.

    A file that is refused changes nothing and stops no other: its error is `InvalidDeb`, `PackageRefused`,
    `InvalidVersion` or `VersionConflict`. Raise what table, stores and database raise; files may be taken in by then.
    """
    staged = list(files)
    progress.step("check packages", staged[0].name if len(staged) == 1 else f"{len(staged)} files")
    checked = [_checked(file, admission) for file in staged]
    _ask_real_readers(checked, admission.repository, progress)
    sound = [file for file in checked if isinstance(file, CheckedFile)]
    for file in sound:
        if claims := claims_in(file.record.control):
            said = (
                f"{file.record.named} says {', '.join(claims)} of itself; the index does, and takes nothing of it over"
            )
            progress.note(said, level="warning")
    recorded = store_and_record(sound, progress) if sound else []
    _show(recorded)
    coming = iter(recorded)
    return [
        _outcome(next(coming)) if isinstance(result, CheckedFile) else Refused(file.name, result)
        for file, result in zip(staged, checked, strict=True)
    ]


def _checked(file: StagedFile, admission: Admission) -> CheckedFile | RepomgrError:
    """Hash and open a file and let it in; return it with its record, or why it is refused."""
    body = file.body
    try:
        if isinstance(body, bytes):
            contents = read_deb(BytesIO(body), len(body))
            admitted = admit(contents, admission, file.name)
            checksums = file.checksums or checksums_of_bytes(body)
        else:
            contents = open_deb(body)
            admitted = admit(contents, admission, file.name)
            checksums = file.checksums or checksums_of_file(body)
        cautions = cautions_in(body, contents, admitted.definition)
        record = checked_record(contents, checksums, admitted, file.provenance, cautions)
        return CheckedFile(file.name, record, body, file.provenance.who, file.provenance.way)
    except RepomgrError as error:
        return error


def checked_record(
    contents: DebContents,
    checksums: Checksums,
    admitted: Admitted,
    provenance: Provenance,
    cautions: Iterable[Caution],
) -> PackageRecord:
    """Return the record that a file is to have; raise `PackageRefused` for one that index or table could not hold."""
    record = new_record(contents, checksums, admitted, provenance, cautions)
    _check_whole(record, admitted.definition.file)
    check_size(record)
    check_suites(record.key, record.suites, adapters.package_table().most_suites)
    return record


def _check_whole(record: PackageRecord, file: str) -> None:
    """Raise `PackageRefused` for a record that no index could show: neither paragraph nor definition says a field."""
    if missing := ", ".join(record.missing_fields()):
        raise PackageRefused(
            f"{record.named} has no {missing}, and {file} says none either.",
            remedy="Write it into the control paragraph, or into the definition.",
        )


def _ask_real_readers(checked: list[CheckedFile | RepomgrError], repository: Repository, progress: Progress) -> None:
    """Put an error in the place of each file that dpkg or apt, where they are installed, complain of."""
    sound = [(number, file) for number, file in enumerate(checked) if isinstance(file, CheckedFile)]
    if not sound or not asks_real_readers():
        return
    progress.step("ask dpkg and apt", sound[0][1].name if len(sound) == 1 else f"{len(sound)} packages")
    for place, why in complaints_about([file.record for _, file in sound], repository).items():
        number, file = sound[place]
        checked[number] = InvalidDeb(f"{file.record.named} is not what clients can read: {why}.", remedy=REMEDY)


def _show(recorded: Sequence[Recorded]) -> None:
    """Mirror the records and ask for the publications that show them."""
    records = {outcome.record.key: outcome.record for outcome in recorded if outcome.record is not None}
    if not records:
        return
    changed = any(outcome.added or outcome.suites_added for outcome in recorded)

    def show() -> None:
        if mirror_records(list(records.values())) or changed:
            request_publications({suite for record in records.values() for suite in record.suites})

    in_transaction(show)
    tell_of_hand_made(records.values())
    added = sum(outcome.added for outcome in recorded)
    log.info("packages_taken_in", packages=[record.named for record in records.values()], new=added)


def _outcome(recorded: Recorded) -> TakenIn | Refused:
    file = recorded.file
    if recorded.error is not None:
        conflicting = file if isinstance(recorded.error, VersionConflict) else None
        return Refused(file.name, recorded.error, conflicting)
    return TakenIn(file.name, recorded.record or file.record, recorded.added)
