"""`manage.py verify_repository`."""

import argparse
import json
import secrets
import sys
from typing import Any

from django.core.management.base import CommandError, CommandParser, OutputWrapper

from packages_app.management.terminal import EXIT_FAILED, ServiceCommand, terminal_progress
from packages_app.services.repair.apply import apply_repair
from packages_app.services.repair.plan import RepairPlan, plan_repair
from packages_app.services.verification.verify import verify_repository
from packages_app.verification.finding import PoolScope, Verification


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of files")
    return int(text)


class Command(ServiceCommand):
    """Verifies, and repairs on consent."""

    help = (
        "Look for everything that is not as it should be: what clients see over HTTP, then table, mirror and bucket."
        " One line a finding; 0 when there is none (left), 1 otherwise."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take suites, how much of the pool is read, and whether to repair."""
        parser.add_argument("suites", nargs="*", metavar="SUITE", help="suites to verify; all, and the mirror, if none")
        parser.add_argument(
            "--pool", choices=[str(pool) for pool in PoolScope], default="sample", help="which of its files are read"
        )
        parser.add_argument("--sample", type=_count, metavar="N", help="how many are read besides the newest versions")
        parser.add_argument("--seed", default="", help="that of an earlier sample, to read the same files again")
        parser.add_argument("--repair", action="store_true", help="show a plan, and do it on consent")
        parser.add_argument("--yes", action="store_true", help="consent to the plan of --repair")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object; what people read goes to stderr"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify, and repair where it is asked for and consented to."""
        out = self.stderr if options["json"] else self.stdout
        with terminal_progress() as progress:
            verification = verify_repository(
                options["suites"],
                progress,
                pool=PoolScope(options["pool"]),
                sample=options["sample"],
                seed=options["seed"] or secrets.token_hex(8),
            )
            plan = plan_repair(verification, progress) if options["repair"] else None
        _tell(verification, out)
        said = {**verification.as_dict(), "faults": [finding.as_dict() for finding in verification.findings]}
        if plan is not None:
            said["plan"] = plan.lines()
            verification = self._repair(plan, out, said, consented=options["yes"])
        if options["json"]:
            self.stdout.write(json.dumps(said, indent=1))
        if verification.findings:
            raise CommandError(f"{len(verification.findings)} findings.", returncode=EXIT_FAILED)

    def may_change(self, options: dict[str, Any]) -> bool:
        """Return whether it repairs."""
        return bool(options["repair"])

    def _repair(self, plan: RepairPlan, out: OutputWrapper, said: dict[str, Any], *, consented: bool) -> Verification:
        """Show a plan and do it on consent; return what is found afterwards."""
        for line in plan.lines():
            out.write(f"- {line}")
        if not plan.actions or not (consented or _consents(out)):
            return plan.verification
        with terminal_progress() as progress:
            outcome = apply_repair(plan, progress)
        for line in outcome.failed:
            out.write(f"not repaired: {line}")
        _tell(outcome.verification, out)
        left = [finding.as_dict() for finding in outcome.verification.findings]
        said.update(done=outcome.done, failed=outcome.failed, left=left)
        return outcome.verification


def _tell(verification: Verification, out: OutputWrapper) -> None:
    for finding in verification.findings:
        out.write(str(finding))
    read = f"{verification.indexes} indexes and {verification.pool_files} pool files read (seed {verification.seed})"
    out.write(f"{', '.join(verification.suites)}: {read}, {len(verification.findings)} findings")


def _consents(out: OutputWrapper) -> bool:
    """Ask on a terminal; where there is none, nobody consents."""
    if not sys.stdin.isatty():
        out.write("Nothing was changed: there is no terminal to ask on, and --yes was not given.")
        return False
    out.write("Do this? [y/N] ", ending="")
    out.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
