"""`manage.py reset_second_factor USER`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.terminal import ServiceCommand
from packages_app.services.sign_in.lost_factor import take_away_factors


class Command(ServiceCommand):
    """Lets in who has lost phone and recovery codes."""

    help = "Take the second factors of a user away, and end his sessions: the password alone signs in then."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name."""
        parser.add_argument("user", metavar="USER", help="the name that is typed at the login")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take them away."""
        removed = take_away_factors(options["user"], by=system_user())
        self.stdout.write(f"{options['user']}: {removed} taken away, recovery codes counted as one.")
