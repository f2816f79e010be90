"""One check of a definition at a time, whatever its length: what two of them found at once would be fetched twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from packages_app.models import DefinitionStatus, Job
from packages_app.services.mirror.definitions import mirror_definitions


@contextmanager
def checking(name: str, job: Job | None) -> Iterator[bool]:
    """Hold a definition for the block; return False when another job has it, which is then left to that one.

    Who has it is at work as its job is: of one whose worker died, until the job is put back. A check by no job (None)
    holds nothing and waits for nobody.
    """
    ours = job is None or _take(name, job)
    try:
        yield ours
    finally:
        if ours and job is not None:
            DefinitionStatus.objects.filter(name=name, checked_by=job).update(checked_by=None)


def check_at_work(names: Collection[str], *, subject: str) -> Job | None:
    """Return the job that is at work on a check of all these definitions, of all there are when none is named.

    That is a check of this subject, or any that has each of them in hand now.
    """
    running = Job.objects.filter(kind=Job.Kind.SYNC, state=Job.State.RUNNING)
    holders = DefinitionStatus.objects.filter(name__in=names, checked_by__state=Job.State.RUNNING)
    in_hand = list(holders.values_list("checked_by", flat=True))
    same = len(in_hand) == len(names) and len(set(in_hand)) == 1
    return running.filter(subject=subject).first() or (running.filter(pk=in_hand[0]).first() if same else None)


def _take(name: str, job: Job) -> bool:
    row = DefinitionStatus.objects.filter(name=name)
    if not row.exists():
        mirror_definitions()
    held = row.values_list("checked_by", "checked_by__state").first()
    holder, state = held or (None, None)
    if holder is not None and holder != job.pk and state == Job.State.RUNNING:
        return False
    return bool(row.filter(checked_by=holder).update(checked_by=job))
