"""`manage.py rollout`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.rollout import ALL_CLIENTS, STOPPED
from packages_app.core.suite_change import What
from packages_app.management.move_command import MoveCommand


class Command(MoveCommand):
    """Rolls versions out to a part of the clients, to all, or to no more of them."""

    what = What.ROLLED_OUT
    suite_help = "in this suite alone; several (default: in all that they are in)"
    help = "Give an upgrade to a part of the clients, in steps of a day; stop it, or give it to all now."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how far."""
        super().add_arguments(parser)
        far = parser.add_mutually_exclusive_group(required=True)
        far.add_argument("--stop", action="store_true", help="to no client that does not have it yet")
        far.add_argument("--all", action="store_true", help="to all clients, now")
        far.add_argument("--percent", metavar="N", default="", help="to N in a hundred, until more is said")
        far.add_argument("--steps", metavar="STEPS", default="", help="percent of clients a day: 10,25,50,100")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what clients will see, ask, roll out, and publish."""
        fixed = {"stop": str(STOPPED), "all": str(ALL_CLIENTS)}
        said = next((text for name, text in fixed.items() if options[name]), options["percent"] or options["steps"])
        super().handle(*args, **options, rollout=said)
