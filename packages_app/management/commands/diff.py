"""`manage.py diff`."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.record import named_key
from packages_app.management.terminal import ServiceCommand
from packages_app.services.lifecycle.publications import difference_of
from packages_app.services.publication.shown import shown_as


class Command(ServiceCommand):
    """Compares what two publications showed."""

    changes = False
    help = "Say how two publications, or what suites show now, differ: only in one, newer and older versions."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take two publications and how to say it."""
        what = "a suite, a publication's number, or the beginning of its Release's SHA256"
        parser.add_argument("before", metavar="A", help=what)
        parser.add_argument("after", metavar="B", help=what)
        parser.add_argument("--json", action="store_true", help="print it as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the difference."""
        before, after = shown_as(options["before"]), shown_as(options["after"])
        found = difference_of(before, after)
        if options["json"]:
            self.stdout.write(json.dumps({"a": str(before), "b": str(after), **found.as_values()}, indent=1))
            return
        self.stdout.write(f"A is {before}, B is {after}")
        self._say("only in A", map(named_key, found.only_before))
        self._say("only in B", map(named_key, found.only_after))
        self._say("newer in B", map(str, found.upgrades))
        self._say("older in B", map(str, found.downgrades))

    def _say(self, heading: str, lines: Iterable[str]) -> None:
        found = list(lines)
        self.stdout.write(f"{heading}: {len(found)}")
        for line in found:
            self.stdout.write(f"  {line}")
