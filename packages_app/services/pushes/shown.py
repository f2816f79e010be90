"""Waiting until clients see what was pushed: the job has ended, and the suites' Releases show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from packages_app.core.errors import RepomgrError, VersionConflict, outcome_of
from packages_app.core.record import TableKey
from packages_app.models import HeldCandidate, Job, Publication
from packages_app.services import adapters
from packages_app.services.jobs.waiting import wait_until
from packages_app.services.publication.shown import publication_in_place


class UploadFailed(RepomgrError):
    """A push was asked for, and its job has refused it: other bytes came a moment before, or nothing could be kept."""

    def __init__(self, message: str, remedy: str, code: str) -> None:
        super().__init__(message, remedy=remedy)
        self.code, self.outcome = code, outcome_of(code)


class Standing(StrEnum):
    """How far a push is."""

    WAITING = "waiting"
    TAKEN_IN = "taken in"
    HELD = "held back"
    SHOWN = "shown"
    FAILED = "failed"


@dataclass(frozen=True)
class Shown:
    """How far a push is, and the publication in place of each suite where clients see it."""

    standing: Standing
    publications: tuple[Publication, ...] = ()


def wait_until_shown(job: Job | None, keys: Iterable[TableKey], seconds: float) -> Shown:
    """Return how far a push of these records is, once clients see it or after so many seconds.

    It returns at once where many wait already. `job` takes the records in, None where they are in.
    """
    wanted = list(keys)
    return wait_until(
        lambda: standing_of(job, wanted),
        lambda seen: seen.standing not in (Standing.WAITING, Standing.TAKEN_IN),
        seconds,
    )


def standing_of(job: Job | None, keys: Iterable[TableKey]) -> Shown:
    """Return how far a push of these records is now."""
    if job is not None:
        job.refresh_from_db()
        if job.state == Job.State.FAILED or job.result.get("refused"):  # of a batch others may be in
            return Shown(Standing.FAILED)
        if job.state != Job.State.DONE:
            return Shown(Standing.WAITING)
    table, wanted = adapters.package_table(), list(keys)
    suites = sorted({suite for record in table.get_many(wanted).values() for suite in record.suites})
    for suite in suites:
        if any(change.key in wanted for change in table.pending_changes_of(suite)):
            held = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING).exists()
            return Shown(Standing.HELD if held else Standing.TAKEN_IN)
    in_place = [publication for suite in suites if (publication := publication_in_place(suite)) is not None]
    if len(in_place) < len(suites):  # what clients see is recorded right after the switch; an older one is no answer
        return Shown(Standing.TAKEN_IN)
    return Shown(Standing.SHOWN, tuple(in_place))


def failure_of(job: Job) -> UploadFailed:
    """Return the error of a push whose job has refused something."""
    refused: list[str] = job.result.get("refused") or []
    if job.state != Job.State.FAILED:
        code = VersionConflict.code
        detail = f"{len(refused)} of {job.result.get('files')} files were not taken in. {refused[0]}"
        return UploadFailed(detail, "The others are in. Send those that were refused anew.", code)
    return UploadFailed(job.error, job.remedy, job.error_code)
