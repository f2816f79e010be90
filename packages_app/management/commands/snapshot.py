"""`manage.py snapshot create|list|delete`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from packages_app.management.consent import check_yes
from packages_app.management.system_user import system_user
from packages_app.management.terminal import ServiceCommand
from packages_app.services.publication.requests import known_suites
from packages_app.services.snapshots.jobs import request_deletion, request_snapshot
from packages_app.services.snapshots.snapshots import ListedSnapshot, list_snapshots


class Command(ServiceCommand):
    """Makes, lists and deletes snapshots."""

    help = "Make, list and delete snapshots: states of a suite that clients can pin, for as long as they are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done, and with which snapshot of which suite."""
        parser.add_argument("what", choices=("create", "list", "delete"), help="what is to be done")
        parser.add_argument("suite", nargs="?", default="", metavar="SUITE", help="whose; list shows all without it")
        parser.add_argument("id", nargs="?", default="", metavar="ID", help="such as 2026-q4: a part of the address")
        parser.add_argument("--reason", default="", help="create: why; it stands in the Release, for everybody")
        parser.add_argument(
            "--publication", default="", metavar="DIGEST|NUMBER",
            help="create: of a past publication, by the SHA256 of its Release (ten digits at least) or its number",
        )  # fmt: skip
        parser.add_argument("--yes", action="store_true", help="delete: do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it here."""
        getattr(self, f"_{options['what']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        job = self.run_job(
            lambda: request_snapshot(
                options["suite"], options["id"], reason=options["reason"], publication=options["publication"],
                requested_as=system_user(), wake_worker=False,
            )
        )  # fmt: skip
        if "sources" in job.result:
            self.stdout.write(job.result["sources"])

    def _list(self, options: dict[str, Any]) -> None:
        for suite in known_suites(filter(None, [options["suite"]])):
            for listed in list_snapshots(suite):
                self.stdout.write(_line(listed))

    def _delete(self, options: dict[str, Any]) -> None:
        suite, name = options["suite"], options["id"]
        check_yes(f"Delete the snapshot {name} of suite {suite}?", yes=options["yes"])
        self.run_job(lambda: request_deletion(suite, name, requested_as=system_user(), wake_worker=False))


def _line(listed: ListedSnapshot) -> str:
    if listed.snapshot is None:
        return f"{listed.suite} {listed.name}: its InRelease can't be read"
    snapshot = listed.snapshot
    reason = f" ({snapshot.reason})" if snapshot.reason else ""
    by = ", made by the clock" if listed.of_the_clock else ""
    return f"{listed.suite} {listed.name}: state of {snapshot.of:%Y-%m-%d %H:%M:%S} UTC{by}{reason}\n  {listed.sources}"
