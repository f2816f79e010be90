"""`manage.py sync_packages`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.terminal import ServiceCommand
from packages_app.services.requests import request_sync


class Command(ServiceCommand):
    """Checks upstream."""

    help = "Check vendors for new versions, take them in, and publish."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take definitions by name."""
        parser.add_argument("names", nargs="*", metavar="NAME", help="definitions to check; all enabled ones if none")
        parser.add_argument("--no-publish", action="store_true", help="leave the publication to a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, then publish what came in."""
        self.run_job(lambda: request_sync(options["names"], None, requested_as=system_user(), wake_worker=False))
        if not options["no_publish"]:
            self.publish_waiting()
