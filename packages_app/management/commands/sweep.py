"""`manage.py sweep`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.management.terminal import ServiceCommand
from packages_app.models import Job
from packages_app.services.jobs import queue


class Command(ServiceCommand):
    """Takes away what no client can ask for any more."""

    help = "Take old by-hash objects, pool files that nothing names, and leftovers in staging away."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to change anything."""
        parser.add_argument("--dry-run", action="store_true", help="say what would go; change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Sweep in this process."""
        arguments = {"dry_run": options["dry_run"]}
        self.run_job(lambda: queue.enqueue(Job.Kind.SWEEP, arguments, wake_worker=False))
