"""`manage.py packages`."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from packages_app.core.record import named_key
from packages_app.management.terminal import EXIT_FAILED, ServiceCommand
from packages_app.services.mirror.selection import select_packages


class Command(ServiceCommand):
    """Lists packages."""

    changes = False
    help = "List the packages that a query selects (docs/QUERIES.md), one a line: name, version, architecture."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the query."""
        parser.add_argument("query", metavar="QUERY", help="such as: 'nginx (>= 1.24), $Suite (stable)'")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print them by name, newest first; exit 1 when there is none."""
        found = False
        for key in select_packages(options["query"]).record_keys():
            found = True
            self.stdout.write(named_key(key))
        if not found:
            raise CommandError("The query selects no package.", returncode=EXIT_FAILED)
