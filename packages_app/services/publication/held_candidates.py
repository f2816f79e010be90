"""Candidates that were held back: kept with diff and reason, approved or rejected by a person.

See docs/ARCHITECTURE.md, Publishing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict

import structlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from packages_app.core.candidate_finding import MISSING, CandidateFinding, findings_digest
from packages_app.core.errors import CandidateHeld, CandidateRefused, PackageRefused
from packages_app.core.rights import Action
from packages_app.models import HeldCandidate, Job, Notice, Publication, Webhook
from packages_app.services.audit.write import actor_now
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.services.publication.cleared_cautions import clear_cautions
from packages_app.services.publication.held_lists import Whole, keep_whole, row_values
from packages_app.services.publication.requests import request_publication
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.rule import require
from packages_app.services.transactions import in_transaction
from packages_app.services.webhooks.facts import candidate_held
from packages_app.services.webhooks.tell import tell

_UNREADABLE = "unreadable"

log = structlog.get_logger(__name__)


def approved_digest(suite: str) -> str:
    """Return the digest of the findings that a person has approved for a suite's next publication; "" when none."""
    approved = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.APPROVED).first()
    return approved.digest if approved else ""


def is_held_back(suite: str) -> bool:
    """Return whether a candidate of a suite waits: what held it back may be seen only when the whole table is read."""
    return HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING).exists()


def holds_for_missing_files(suite: str) -> bool:
    """Return whether a suite's last candidate was held back for missing files, and nothing was published since."""
    last = HeldCandidate.objects.filter(suite=suite).exclude(state=HeldCandidate.State.OUTDATED).first()
    if last is None or MISSING not in last.codes:
        return False
    later = Publication.objects.filter(suite=suite, published_at__gt=last.seen)
    return not later.exclude(kind=Publication.Kind.REFRESH).exists()


def hold_back(suite: str, error: CandidateRefused, job: Job | None) -> HeldCandidate:
    """Keep a candidate that was not published, once for the same findings, and tell people; return its row.

    One that was approved for just these findings, while it was looked at, stays approved: its publication is to come.
    """
    whole, values = _said(suite, error)
    with transaction.atomic():
        _outdate(suite, but=str(values["digest"]))
        approved = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.APPROVED).first()
        if approved is not None:
            log.info("candidate_approved_meanwhile", suite=suite, held=approved.pk)
            return approved
        held, is_new = _waiting(suite, {**row_values(whole), **values}, job)
        keep_whole(held, whole)
        if is_new:
            tell(Webhook.Event.PUBLICATION_HELD, [candidate_held(held, error.message)])
    if held.approvable:
        named = f" A force rebuild publishes it where it is named: force_rebuild {suite} --approve {held.pk}."
        error.remedy = error.remedy.removesuffix(named) + named
    notify(Notice.Kind.CANDIDATE_HELD, suite, error.message, remedy=error.remedy, job=job)
    log.warning("candidate_held", suite=suite, held=held.pk, findings=held.codes)
    return held


def settle_candidates(suite: str, *, switched: bool) -> None:
    """Record that a suite shows what its table holds: what was approved is done, what waited is outdated."""
    if switched:
        with transaction.atomic():
            for approved in HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.APPROVED):
                clear_cautions(approved)
                approved.state = HeldCandidate.State.PUBLISHED
                approved.save(update_fields=["state"])
    _outdate(suite, but="")
    settle_notices(Notice.Kind.CANDIDATE_HELD, suite)


def publish_approved(suite: str, added: Collection[str], removed: Collection[str]) -> None:
    """Record that what was approved is published, where a publication that was not recorded has brought all of it."""
    for held in HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.APPROVED):
        if set(held.added) <= set(added) and set(held.removed) <= set(removed):
            HeldCandidate.objects.filter(pk=held.pk).update(state=HeldCandidate.State.PUBLISHED)


def approve(held: HeldCandidate, user: Asker) -> Job:
    """Let a held candidate's findings pass, and ask for the publication; return its job.

    The approval holds for just the findings shown: others hold the candidate back again. Raise `RightMissing`,
    and `PackageRefused` when it no longer waits, or when its findings are none that a person can accept.
    """
    require(user, Action.PUBLISH, "To approve a candidate", suites=[held.suite])
    _check_approvable(held)

    def decide() -> Job:
        _decide(held, HeldCandidate.State.APPROVED, user)
        return request_publication(held.suite, user=user)

    return in_transaction(decide)


def approve_for_rebuild(
    numbers: Iterable[int], suites: Collection[str], user: Asker | None, decided_as: str = ""
) -> None:
    """Let the findings of held candidates of these suites, named by their numbers, pass in the rebuild to come.

    Each approval holds for just those findings. Raise `PackageRefused` for one that is not there, is of another suite,
    no longer waits, or has findings that nobody can accept.
    """
    for number in numbers:
        held = HeldCandidate.objects.filter(pk=number).first()
        if held is None or held.suite not in suites:
            raise PackageRefused(
                f"No candidate {number} of suite {', '.join(suites)} is held back.",
                remedy="Look under Held back in the admin, or name its suite.",
            )
        _check_approvable(held)
        _decide(held, HeldCandidate.State.APPROVED, user, decided_as)


def _check_approvable(held: HeldCandidate) -> None:
    if not held.approvable:
        raise PackageRefused(
            f"The candidate {held} can't be read back, so clients could not read it either.",
            remedy="Find the fault first: the job's page and the log tell more.",
        )


def reject(held: HeldCandidate, user: Asker) -> None:
    """Record that a held candidate shall not be published; the suite stays as it is.

    Raise `RightMissing`, `PackageRefused`.
    """
    require(user, Action.PUBLISH, "To reject a candidate", suites=[held.suite])
    _decide(held, HeldCandidate.State.REJECTED, user)
    settle_notices(Notice.Kind.CANDIDATE_HELD, held.suite)


def _decide(held: HeldCandidate, state: HeldCandidate.State, user: Asker | None, decided_as: str = "") -> None:
    decided = {"decided": timezone.now(), "decided_by_id": user.pk if user else None, "decided_as": decided_as}
    name = user.get_username() if user else str(actor_now())
    waiting = HeldCandidate.objects.filter(pk=held.pk, state=HeldCandidate.State.WAITING)
    if not waiting.update(state=state, decider_name=name, **decided):
        held.refresh_from_db()
        raise PackageRefused(
            f"The candidate {held} no longer waits: it is {held.get_state_display()}.", remedy="Look at the newest one."
        )
    log.info("candidate_decided", held=held.pk, suite=held.suite, state=str(state), user=name)


def _said(suite: str, error: CandidateRefused) -> tuple[Whole, dict[str, object]]:
    """Return what a candidate names, and the row's other values; of one that can't be read, what nobody can approve."""
    if isinstance(error, CandidateHeld):
        findings = [asdict(finding) for finding in error.findings]
        whole: Whole = {"findings": findings, "added": error.added, "removed": error.removed}
        return whole, {"digest": findings_digest(error.findings), "packages": error.packages, "approvable": True}
    finding = CandidateFinding(_UNREADABLE, error.message, error.remedy, ())
    whole = {"findings": [asdict(finding)], "added": (), "removed": ()}
    return whole, {"digest": _UNREADABLE, "packages": 0, "approvable": False}


def _outdate(suite: str, *, but: str) -> None:
    open_ones = HeldCandidate.objects.filter(
        suite=suite, state__in=(HeldCandidate.State.WAITING, HeldCandidate.State.APPROVED)
    )
    open_ones.exclude(digest=but).update(state=HeldCandidate.State.OUTDATED)


def _waiting(suite: str, values: dict[str, object], job: Job | None) -> tuple[HeldCandidate, bool]:
    """Return the row of a suite's candidate that waits, and whether it was made now."""
    now = timezone.now()
    waiting = HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING)
    if not waiting.update(**values, seen=now, job=job):
        try:
            with transaction.atomic():
                return HeldCandidate.objects.create(suite=suite, **values, seen=now, job=job), True
        except IntegrityError:  # another process held it back a moment ago
            pass
    return waiting.get(), False
