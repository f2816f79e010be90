"""`manage.py promote`."""

from django.core.management.base import CommandParser

from packages_app.core.suite_change import What
from packages_app.management.move_command import MoveCommand


class Command(MoveCommand):
    """Promotes versions."""

    what = What.PROMOTED
    suite_help = "a suite that they leave; several (default: they stay where they are)"
    help = "Put versions into another suite too: the same record and file, without an upload."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to, and whether only what is newer there."""
        super().add_arguments(parser)
        parser.add_argument("--to", required=True, metavar="SUITE", help="the suite that they come into")
        parser.add_argument(
            "--newer", action="store_true", help="only what is newer than that suite's of the name and architecture"
        )
        parser.add_argument(
            "--rollout", default="", metavar="STEPS",
            help="percent of clients a day, such as 10,25,50,100 (default: the definition's; 100 for all at once)",
        )  # fmt: skip
