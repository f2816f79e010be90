"""`manage.py sync_packages`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.management.terminal import ServiceCommand
from packages_app.models import Job
from packages_app.services.jobs import queue


class Command(ServiceCommand):
    """Checks upstream."""

    help = "Check vendors for new versions, take them in, and publish."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take definitions by name."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="definitions to check; all enabled ones if none")
        parser.add_argument("--no-publish", action="store_true", help="leave the publication to a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, then publish what came in."""
        names = sorted(options["names"])
        self.run_job(lambda: queue.enqueue(Job.Kind.SYNC, {"names": names}, wake_worker=False))
        if not options["no_publish"]:
            self.publish_waiting()
