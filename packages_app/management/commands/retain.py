"""`manage.py retain`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.record import named_key
from packages_app.core.system_user import system_user
from packages_app.management.consent import check_yes
from packages_app.management.terminal import ServiceCommand
from packages_app.models import Job
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.retention import (
    RetentionPlan,
    broken_by_retention,
    plan_retention,
    request_retention,
)
from packages_app.services.publication.requests import known_suites


class Command(ServiceCommand):
    """Takes out of suites what their policies do not keep."""

    help = "Take versions out of suites by the policies of repository.yaml and definitions; restore_version undoes it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take suites, and consent."""
        parser.add_argument("suites", nargs="*", metavar="SUITE", help="these suites (default: all)")
        parser.add_argument("--dry-run", action="store_true", help="print what goes and what stays; change nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what goes and why the rest stays, ask, take it out, and publish."""
        plans = [plan_retention(name) for name in known_suites(options["suites"])]
        for plan in plans:
            self._show(plan)
        going = {plan.suite: [one.key for one in plan.going] for plan in plans if plan.going}
        if options["dry_run"] or not going:
            return
        check_yes(f"Take {sum(len(plan.going) for plan in plans)} versions out?", yes=options["yes"])
        self.run_jobs(lambda: request_retention(going, consented=going, requested_as=system_user(), wake_worker=False))
        self.run_jobs(lambda: [job for job in queue.waiting_jobs(Job.Kind.PUBLISH) if job.subject in going])

    def _show(self, plan: RetentionPlan) -> None:
        if not plan.policies:
            self.stdout.write(f"suite {plan.suite}: no policy, all versions stay")
            return
        for policy in plan.policies:
            self.stdout.write(policy)
        if plan.kept_back:
            self.stdout.write(f"suite {plan.suite} is left alone: {plan.kept_back}")
            return
        for one in plan.going:
            self.stdout.write(f"  {named_key(one.key)}: {one.size} bytes")
        for broken in broken_by_retention(plan)[0]:
            self.stdout.write(f"  can't be installed any more: {broken}")
        if plan.more:
            self.stdout.write(f"  {plan.more} more go the next time")
        self.stdout.write(
            f"suite {plan.suite}: {len(plan.going)} versions go, {plan.freed} bytes that no suite has then"
        )
        stay = ", ".join(f"{count} {reason}" for reason, count in plan.stays.items()) or "none"
        self.stdout.write(f"suite {plan.suite}: {sum(plan.stays.values())} versions stay: {stay}")
