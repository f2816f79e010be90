"""`manage.py place_packages`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.consent import check_yes
from packages_app.management.move_command import say_preview
from packages_app.management.terminal import ServiceCommand
from packages_app.models import Job
from packages_app.services.intake.admit import defined
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.placing import plan_placing, preview_placing, request_placing


class Command(ServiceCommand):
    """Brings the versions of a package to where its definition says by now."""

    help = "Show which versions lie elsewhere than their definition says, as after a change of its suites; move them."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the package, and consent."""
        parser.add_argument("package", metavar="NAME")
        parser.add_argument("--dry-run", action="store_true", help="print what clients would see, and change nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what clients will see, ask, move, and publish."""
        placing = plan_placing(defined(options["package"]))
        for line in placing.told() or [f"All of {placing.name} is where its definition says."]:
            self.stdout.write(line)
        previews = preview_placing(placing)
        for said in previews:
            say_preview(self.stdout.write, said)
        if options["dry_run"] or not previews:
            return
        check_yes(f"Do these {len(previews)} moves?", yes=options["yes"])
        shown = [digest for said in previews for digest in said.shown]
        self.run_jobs(lambda: request_placing(placing, shown, requested_as=system_user(), wake_worker=False))
        suites = {suite for said in previews for suite in said.suites}
        self.run_jobs(lambda: [job for job in queue.waiting_jobs(Job.Kind.PUBLISH) if job.subject in suites])
