"""`manage.py export_config`."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser

from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.services import adapters
from packages_app.services.configuration.export import export_config


class Command(ServiceCommand):
    """Writes the configuration as files."""

    changes = False
    needs_database = False
    help = (
        "Write repository.yaml and packages/*.yaml as they count now, from files and from the package table, into a "
        "folder that REPOMGR_CONFIG can name. Templates and secrets are no part of it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the folder."""
        parser.add_argument("folder", nargs="?", type=Path, help="where to; default: a new one in REPOMGR_HOME")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write them, and print each path."""
        folder = options["folder"] or settings.HOME / f"config-{adapters.now():%Y%m%dT%H%M%SZ}"
        with terminal_progress():
            names = export_config(folder)
        for name in names:
            self.stdout.write(str(folder / name))
