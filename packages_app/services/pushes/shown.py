"""Waiting until clients see what was pushed: the job has ended, and the suites' Releases show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from packages_app.core.record import TableKey
from packages_app.models import HeldCandidate, Job, Publication
from packages_app.services import adapters
from packages_app.services.jobs.waiting import wait_until
from packages_app.services.publication.shown import publication_in_place


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
        if job.state == Job.State.FAILED:
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
