"""`manage.py restore_package_table`."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.locations import DynamoTable
from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.services.archives import present_archive
from packages_app.services.takeover.migrate import source_location
from packages_app.services.takeover.restore import restore


class Command(ServiceCommand):
    """Puts a backup back."""

    help = "Put the backup of a package table back into the table that it names, or into a new one."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the backup and its table."""
        parser.add_argument("--backup-file", type=Path, required=True, metavar="PATH")
        parser.add_argument("--to-table", metavar="NAME", help="another table, or its dynamodb:// URL")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore and say what was done."""
        target = source_location(options["to_table"]) if options["to_table"] else None
        ours = present_archive().table
        place = ours if isinstance(ours, DynamoTable) else DynamoTable("", "", "")
        with terminal_progress() as progress:
            done = restore(options["backup_file"], target, place, progress)
        made = "made, " if done.made else ""
        self.stdout.write(f"{done.table}: {made}{done.written} records written, {done.known} there already, verified")
