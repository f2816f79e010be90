"""`manage.py purge`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.record import TableKey
from packages_app.core.system_user import system_user
from packages_app.management.consent import ConsentMissing, answer_to
from packages_app.management.terminal import ServiceCommand
from packages_app.services.lifecycle.move import keys_selected
from packages_app.services.lifecycle.purge import PurgePlan, plan_purge, purged_keys, request_purge


class Command(ServiceCommand):
    """Purges versions."""

    help = "Take versions out for good, with every copy of their files: for secrets that leaked, or the law."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is purged, why, and consent, which is the package's name."""
        parser.add_argument("query", metavar="QUERY", help="such as 'tool (= 1.0)' (docs/QUERIES.md), or a name")
        parser.add_argument("version", nargs="?", default="", metavar="VERSION", help="with a name: this version")
        parser.add_argument("--reason", default="", help="why; it is told whoever offers the version again")
        parser.add_argument("--dry-run", action="store_true", help="print what would go, and change nothing")
        parser.add_argument("--name", default="", metavar="NAME", help="consent, for scripts: the package's name")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what goes, ask for the package's name, and purge."""
        plan = plan_purge(self._keys(options["query"], options["version"]))
        self._show(plan)
        if options["dry_run"]:
            return
        typed = options["name"] or self._typed(plan)
        keys = [record.key for record in plan.records]
        self.run_job(
            lambda: request_purge(keys, options["reason"], typed, requested_as=system_user(), wake_worker=False)
        )

    def _keys(self, query: str, version: str) -> list[TableKey]:
        gone = purged_keys(query, version) if version else []
        return gone or keys_selected(f"{query} (= {version})" if version else query)

    def _show(self, plan: PurgePlan) -> None:
        for record in plan.records:
            self.stdout.write(f"{record.named}: {record.pool_path}, {record.file_size} bytes")
        for seen in plan.said.seen:
            self.stdout.write(str(seen))
        for broken in plan.said.broken:
            self.stdout.write(f"can't be installed any more: {broken}")
        self.stdout.write(plan.reach())

    def _typed(self, plan: PurgePlan) -> str:
        typed = answer_to(f"Purge {len(plan.records)} versions for ever? Type the package's name: ")
        if not typed:
            raise ConsentMissing("Nothing was changed: nobody consented.", remedy=f"Consent by --name {plan.name}.")
        return typed
