"""Candidates that were held back: kept with diff and reason, approved or rejected by a person.

See docs/ARCHITECTURE.md, Publishing.
"""

from __future__ import annotations

from dataclasses import asdict

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from packages_app.core.candidate_finding import CandidateFinding, findings_digest
from packages_app.core.caution import MEANINGS, cleared_by
from packages_app.core.errors import CandidateHeld, CandidateRefused, PackageRefused
from packages_app.models import HeldCandidate, Job, Notice
from packages_app.services.jobs import queue
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.publication.requests import request_publication

_UNREADABLE = "unreadable"

log = structlog.get_logger(__name__)


def approved_digest(suite: str) -> str:
    """Return the digest of the findings that a person has approved for a suite's next publication; "" when none."""
    approved = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.APPROVED).first()
    return approved.digest if approved else ""


def cleared_cautions(suite: str) -> frozenset[tuple[str, str]]:
    """Return what persons have approved of packages that a suite showed then: it holds no later publication back."""
    published = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.PUBLISHED)
    findings = (finding for listed in published.values_list("findings", flat=True) for finding in listed)
    return frozenset(
        cleared_by(item) for finding in findings if finding["code"] in MEANINGS for item in finding["items"]
    )


def is_held_back(suite: str) -> bool:
    """Return whether a candidate of a suite waits: what held it back may be seen only when the whole table is read."""
    return HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING).exists()


def hold_back(suite: str, error: CandidateRefused, job: Job | None) -> HeldCandidate:
    """Keep a candidate that was not published, once for the same findings, and tell people; return its row."""
    values = _values(suite, error)
    with transaction.atomic():
        _outdate(suite, but=str(values["digest"]))
        held = _waiting(suite, values, job)
    notify(Notice.Kind.CANDIDATE_HELD, suite, error.message, remedy=error.remedy, job=job)
    log.warning("candidate_held", suite=suite, held=held.pk, findings=[finding["code"] for finding in held.findings])
    return held


def settle_candidates(suite: str, *, switched: bool) -> None:
    """Record that a suite shows what its table holds: what was approved is done, what waited is outdated."""
    if switched:
        approved = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.APPROVED)
        approved.update(state=HeldCandidate.State.PUBLISHED)
    _outdate(suite, but="")
    settle_notices(Notice.Kind.CANDIDATE_HELD, suite)


def approve(held: HeldCandidate, user: queue.Asker) -> Job:
    """Let a held candidate's findings pass, and ask for the publication; return its job.

    The approval holds for just the findings shown: others hold the candidate back again. Raise `PackageRefused` when
    it no longer waits, or when its findings are none that a person can accept.
    """
    if not held.approvable:
        raise PackageRefused(
            f"The candidate {held} can't be read back, so clients could not read it either.",
            remedy="Find the fault first: the job's page and the log tell more.",
        )
    _decide(held, HeldCandidate.State.APPROVED, user)
    return request_publication(held.suite, user=user)


def reject(held: HeldCandidate, user: queue.Asker) -> None:
    """Record that a held candidate shall not be published; the suite stays as it is. Raise `PackageRefused`."""
    _decide(held, HeldCandidate.State.REJECTED, user)
    settle_notices(Notice.Kind.CANDIDATE_HELD, held.suite)


def _decide(held: HeldCandidate, state: HeldCandidate.State, user: queue.Asker) -> None:
    waiting = HeldCandidate.objects.filter(pk=held.pk, state=HeldCandidate.State.WAITING)
    if not waiting.update(state=state, decided=timezone.now(), decided_by_id=user.pk):
        held.refresh_from_db()
        raise PackageRefused(
            f"The candidate {held} no longer waits: it is {held.get_state_display()}.", remedy="Look at the newest one."
        )
    log.info("candidate_decided", held=held.pk, suite=held.suite, state=str(state), user=user.get_username())


def _values(suite: str, error: CandidateRefused) -> dict[str, object]:
    """Return the row's values; a candidate that can't be read back has one finding that nobody can approve."""
    if isinstance(error, CandidateHeld):
        return {
            "findings": [asdict(finding) for finding in error.findings],
            "digest": findings_digest(error.findings),
            "added": list(error.added),
            "removed": list(error.removed),
            "packages": error.packages,
            "approvable": True,
        }
    finding = CandidateFinding(_UNREADABLE, error.message, error.remedy, ())
    return {"findings": [asdict(finding)], "digest": _UNREADABLE, "packages": 0, "approvable": False}


def _outdate(suite: str, *, but: str) -> None:
    open_ones = HeldCandidate.objects.filter(
        suite=suite, state__in=(HeldCandidate.State.WAITING, HeldCandidate.State.APPROVED)
    )
    open_ones.exclude(digest=but, state=HeldCandidate.State.WAITING).update(state=HeldCandidate.State.OUTDATED)


def _waiting(suite: str, values: dict[str, object], job: Job | None) -> HeldCandidate:
    now = timezone.now()
    waiting = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING)
    if not waiting.update(**values, seen=now, job=job):
        try:
            with transaction.atomic():
                return HeldCandidate.objects.create(suite=suite, **values, seen=now, job=job)
        except IntegrityError:  # another process held it back a moment ago
            pass
    return waiting.get()
