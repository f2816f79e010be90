"""`manage.py migrate_package_table`."""

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from packages_app.core.errors import MigrationRefused
from packages_app.management.environment import (
    add_environment_arguments,
    chosen_environment,
    run_there,
    settings_fit,
)
from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.services import adapters
from packages_app.services.takeover.migrate import DEFAULT_PACKAGE, Migrated, MigrationRequest, migrate, source_location

_SHOWN = 20


class Command(ServiceCommand):
    """Takes over the records of an older table."""

    help = "Migrate an older package table (key version, or package_id alone) into the one of PACKAGE_TABLE_URL."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the old table, the backup, and how far to go."""
        parser.add_argument("--from-table", required=True, metavar="NAME", help="the old table, or its dynamodb:// URL")
        parser.add_argument(
            "--backup-file", type=Path, metavar="PATH", help="where its records are kept; a folder gets a dated file"
        )
        add_environment_arguments(parser)
        parser.add_argument("--package", default=DEFAULT_PACKAGE, help="package of records that name none")
        parser.add_argument("--enrich", action="store_true", help="open each pool .deb once for what records lack")
        parser.add_argument(
            "--keep-incomplete",
            action="store_true",
            help="take over records that clients do not read",
        )
        parser.add_argument("--dry-run", action="store_true", help="show the first records, write nothing")
        parser.add_argument("--delete-old", action="store_true", help="remove the old records at the end; asks")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate and say what came of it."""
        if options["delete_old"] and not options["yes"] and not options["dry_run"] and not sys.stdin.isatty():
            raise MigrationRefused("--delete-old asks, and nobody can answer here.", remedy="Add --yes.")
        environment = chosen_environment(options)
        if environment is not None and not settings_fit(environment):
            code = run_there(environment, ["migrate_package_table", *_arguments(options)])
            if code:
                raise CommandError(f"The migration for {environment.name} failed, as said above.", returncode=code)
            return
        request = MigrationRequest(
            source=source_location(options["from_table"]),
            backup=_backup_path(options),
            dry_run=options["dry_run"],
            enrich=options["enrich"],
            keep_incomplete=options["keep_incomplete"],
            delete_old=options["delete_old"],
            package=options["package"],
            confirm=lambda count: options["yes"] or self._confirmed(count, options["from_table"]),
        )
        with terminal_progress() as progress:
            result = migrate(request, progress)
        self._tell(result, request)

    def _confirmed(self, count: int, table: str) -> bool:
        return input(f"Delete {count} records of {table}? Type the table's name: ").strip() == table

    def _tell(self, result: Migrated, request: MigrationRequest) -> None:
        for before, after in result.samples if request.dry_run else ():
            for title, values in (("before", before), ("after", after)):
                shown = json.dumps(values, indent=2, ensure_ascii=False, default=str)
                self.stdout.write(f"{title}: {shown}")
        for title, names in (
            ("Without a control paragraph, so with a poorer stanza (--enrich fills it in)", result.poorer),
            ("Left out of the indexes until completed", result.incomplete),
        ):
            if names:
                more = f", … ({len(names)} in all)" if len(names) > _SHOWN else ""
                self.stdout.write(f"{title}: {', '.join(names[:_SHOWN])}{more}")
        for sentence in result.cautioned.sentences():
            self.stdout.write(f"waits for a person, unless its definition allows it: {sentence}")
        if request.dry_run:
            self.stdout.write(f"{result.records} records, {result.known} of them there already; nothing was written")
            return
        self.stdout.write(
            f"{result.records} records: {result.added} added, {result.known} there already, verified; "
            f"{result.deleted} old records deleted; backup {result.backup}"
        )


def _backup_path(options: dict[str, Any]) -> Path | None:
    """Return the backup's path; in a folder it is named for table and time."""
    path: Path | None = options["backup_file"]
    if path is not None and path.is_dir():
        name = source_location(options["from_table"]).name
        return path / f"{name}-{adapters.now():%Y%m%dT%H%M%SZ}.jsonl"
    return path


def _arguments(options: dict[str, Any]) -> list[str]:
    """Return the command line for the process of an environment."""
    named = {"--from-table": "from_table", "--backup-file": "backup_file", "--package": "package"}
    flags = ("enrich", "keep_incomplete", "dry_run", "delete_old", "yes")
    values = [text for flag, name in named.items() if options[name] for text in (flag, str(options[name]))]
    return [*values, *(f"--{name.replace('_', '-')}" for name in flags if options[name])]
