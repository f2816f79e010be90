"""`manage.py create_storage`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.services.setup.storage import create_storage


class Command(ServiceCommand):
    """Makes table, index, bucket and staging."""

    needs_database = False
    help = "Make the package table with its index, the bucket and the staging store; safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether clients may read."""
        parser.add_argument(
            "--public", action="store_true", help="set the bucket's policy: clients read, staging stays"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing and say what was made."""
        with terminal_progress() as progress:
            made_by_name = create_storage(progress, public=options["public"])
        for name, made in made_by_name.items():
            self.stdout.write(f"{name}: {'made' if made else 'is there'}")
