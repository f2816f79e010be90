"""`manage.py publish`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.management.terminal import ServiceCommand
from packages_app.services import adapters
from packages_app.services.publication.requests import request_publication


class Command(ServiceCommand):
    """Publishes suites."""

    help = "Publish suites from the package table; does nothing where nothing changed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take suites by name."""
        parser.add_argument("suites", nargs="*", metavar="SUITE", help="suites to publish; all if none")

    def handle(self, *args: Any, **options: Any) -> None:
        """Publish each suite here."""
        for name in options["suites"] or [suite.name for suite in adapters.repository().suites]:
            request_publication(name)
        self.publish_waiting()
