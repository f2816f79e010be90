"""`manage.py rollback`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.consent import check_yes
from packages_app.management.planned_suite import say_rollback
from packages_app.management.terminal import ServiceCommand
from packages_app.services.lifecycle.rollback import plan_rollback, request_rollback


class Command(ServiceCommand):
    """Rolls a suite back."""

    help = "Set a suite back to what a publication of it showed, and publish that, freshly dated and signed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a suite, a publication, a reason, and consent."""
        parser.add_argument("suite", metavar="SUITE")
        parser.add_argument(
            "publication",
            metavar="PUBLICATION",
            help="its number, or the beginning of its Release's SHA256 (six digits at least)",
        )
        parser.add_argument("--reason", default="", help="why, for the history of each version")
        parser.add_argument("--dry-run", action="store_true", help="print what clients would see, and change nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what clients will see, ask, and do it."""
        suite, publication = options["suite"], options["publication"]
        planned = plan_rollback(suite, publication)
        say_rollback(self.stdout.write, planned)
        if options["dry_run"]:
            return
        check_yes(f"Move {planned.preview.versions} versions?", yes=options["yes"])
        # Of the publication that was shown, whatever its number is given to meanwhile.
        self.run_job(
            lambda: request_rollback(
                suite,
                planned.to.digest,
                options["reason"],
                shown=planned.shown,
                requested_as=system_user(),
                wake_worker=False,
            )
        )
        self.stdout.write(planned.undo)
