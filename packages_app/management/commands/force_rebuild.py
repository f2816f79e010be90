"""`manage.py force_rebuild`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.terminal import ServiceCommand
from packages_app.services.requests import request_force_rebuild


class Command(ServiceCommand):
    """Rebuilds from the table."""

    help = "Make every index, Release, signature and root file again from the package table alone."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take suites and what is allowed."""
        parser.add_argument("suites", nargs="*", metavar="SUITE", help="suites to rebuild; all if none")
        parser.add_argument(
            "--approve", action="append", type=int, default=[], metavar="NUMBER",
            help="publish what is held back under this number, and no other such thing",
        )  # fmt: skip
        parser.add_argument("--repair", action="store_true", help="first fetch missing pool files from where they came")
        parser.add_argument(
            "--new-identity", action="store_true", help="let Origin, Label, Suite and Codename change for clients"
        )
        parser.add_argument(
            "--new-key", action="store_true", help="let the signing key change, which clients have to know by then"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Rebuild here, a job for each suite."""
        self.run_jobs(
            lambda: request_force_rebuild(
                options["suites"],
                requested_as=system_user(),
                approved=options["approve"],
                repair=options["repair"],
                new_identity=options["new_identity"],
                new_key=options["new_key"],
                wake_worker=False,
            )
        )
