"""What a verification tells people: one notice a matter, settled once a verification that could see it finds none."""

from __future__ import annotations

from collections import defaultdict

import structlog

from packages_app.models import Job, Notice
from packages_app.services.notices.notify import notify, settle_notices
from packages_app.verification.finding import Finding, Part, PoolScope, Verification

_POOL = "pool files"
_REST = "repository"
_NAMED = 5

log = structlog.get_logger(__name__)


def tell_of_findings(verification: Verification, job: Job | None) -> None:
    """Raise a notice for each matter with findings, and settle those that were looked at whole and have none.

    Wrong bytes in the pool are a matter of their own: a sample that found some is followed by a look at all, and a
    sample that happens to find none settles nothing.
    """
    matters: dict[str, list[Finding]] = defaultdict(list)
    for finding in verification.findings:
        matters[_matter(finding)].append(finding)
    looked_at = set()
    if verification.part is not Part.POOL:
        looked_at = {f"suite {name}" for name in verification.suites}
    if verification.whole and verification.part is not Part.SUITES:
        looked_at.add(_REST)
        if verification.pool is PoolScope.ALL:
            looked_at.add(_POOL)
    for matter in sorted(looked_at - matters.keys()):
        settle_notices(Notice.Kind.VERIFICATION_FAILED, matter)
    for matter, findings in matters.items():
        named = ", ".join(f"{finding.code} {finding.where}" for finding in findings[:_NAMED])
        more = f" and {len(findings) - _NAMED} more" if len(findings) > _NAMED else ""
        remedy = "See the findings with manage.py verify_repository; --repair, or Repair on the job's page, heals them."
        if matter == _POOL and verification.pool is not PoolScope.ALL:
            remedy += " Then read the whole pool: --pool all."
        notify(Notice.Kind.VERIFICATION_FAILED, matter, f"{named}{more}.", remedy=remedy, job=job)
    say = log.warning if verification.findings else log.info
    say(
        "repository_verified",
        findings=[f"{finding.code} {finding.where}" for finding in verification.findings[:100]],
        **verification.as_dict(),
    )


def _matter(finding: Finding) -> str:
    if finding.suite:
        return f"suite {finding.suite}"
    return _POOL if finding.code == "pool_differs" else _REST
