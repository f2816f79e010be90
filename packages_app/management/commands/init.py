"""`manage.py init`."""

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.identity import DEFAULT_ARCHITECTURES, DEFAULT_SUITES, identity
from packages_app.management.terminal import ServiceCommand
from packages_app.services.setup.own_configuration import make_own_configuration


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


class Command(ServiceCommand):
    """Makes the configuration of a repository with a name of its own in the home."""

    needs_database = False
    changes = False  # of what is installed nothing, where anything is
    help = "Make the configuration of a repository with a name of its own in the home, before its first start."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the name, and what is not to be made of it."""
        parser.add_argument("--name", required=True, help="the repository's name, such as 'Acme'")
        parser.add_argument("--origin", default="", help="Origin in Release (default: the name)")
        parser.add_argument(
            "--suites", type=_listed, default=list(DEFAULT_SUITES), metavar="A,B", help="suites, the default one first"
        )
        parser.add_argument("--codename", default="", help="codename of the first suite (default: its name)")
        parser.add_argument(
            "--architectures", type=_listed, default=list(DEFAULT_ARCHITECTURES), metavar="A,B", help="architectures"
        )
        parser.add_argument("--url", default="", help="address that clients use; goes into repomgr.env")
        parser.add_argument("--once", action="store_true", help="let a configuration of this name be that is there")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, and say where."""
        names = ("origin", "codename", "suites", "architectures", "url")
        chosen = identity(options["name"], **{name: options[name] for name in names})
        folder, made = make_own_configuration(chosen, once=options["once"])
        if made:
            self.stdout.write(f"{folder} is the configuration of {chosen.name}; {chosen.bootstrap} sets clients up")
