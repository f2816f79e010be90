"""Verifications and repairs as jobs: arguments out of the job's row, what was found into its result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from packages_app.core.ports import Progress
from packages_app.core.rights import Action
from packages_app.models import Job
from packages_app.services.repair.apply import RepairOutcome, repair_repository
from packages_app.services.repair.plan import RepairPlan, plan_repair
from packages_app.services.rights.rule import require_of_job
from packages_app.services.verification.verify import verify_repository
from packages_app.verification.finding import Finding, Part, PoolScope, Verification

_SHOWN = 500


def verify_and_plan(job: Job, progress: Progress) -> dict[str, Any]:
    """Verify, and plan a repair of what was found; the job is done whatever was found."""
    arguments = job.arguments
    verification = verify_repository(
        arguments.get("suites", []),
        progress,
        part=Part(arguments.get("part", Part.ALL)),
        pool=PoolScope(arguments.get("pool", PoolScope.SAMPLE)),
        sample=arguments.get("sample"),
        seed=str(job.pk),
        job=job,
    )
    return result_of(verification, plan_repair(verification, progress) if verification.findings else None)


def repair_as_consented(job: Job, progress: Progress) -> dict[str, Any]:
    """Do the repair whose actions the job names; raise `RepairRefused` when others would be needed by now."""
    require_of_job(job, Action.PUBLISH, "A repair")
    arguments = job.arguments
    outcome = repair_repository(
        arguments["suites"],
        frozenset(arguments["consent"]),
        progress,
        part=Part(arguments.get("part", Part.ALL)),
        pool=PoolScope(arguments["pool"]),
        sample=arguments["sample"],
        seed=arguments["seed"],
        job=job,
    )
    return result_of_repair(outcome)


def result_of(verification: Verification, plan: RepairPlan | None) -> dict[str, Any]:
    """Return what a verification's page shows, and what a repair needs: `digest` and `consent` of its plan."""
    actions = plan.actions if plan else ()
    return {
        **verification.as_dict(),
        **_findings(verification.findings),
        "plan": _shown(plan.lines() if plan else []),
        "digest": plan.digest if plan else "",
        "consent": [action.digest for action in actions],
    }


def result_of_repair(outcome: RepairOutcome) -> dict[str, Any]:
    """Return what a repair's page shows: what was done, what could not be, and what is wrong afterwards."""
    return {"done": _shown(outcome.done), "failed": _shown(outcome.failed), **_findings(outcome.verification.findings)}


def _findings(findings: tuple[Finding, ...]) -> dict[str, Any]:
    return {"found": len(findings), "faults": [finding.as_dict() for finding in findings[:_SHOWN]]}


def _shown(lines: Iterable[str]) -> list[str]:
    listed = list(lines)
    more = len(listed) - _SHOWN
    return listed[:_SHOWN] + ([f"and {more} more"] if more > 0 else [])
