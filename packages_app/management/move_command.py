"""What `withdraw`, `promote` and the like have in common: show what clients will see, ask, and do it here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.core.management.base import CommandParser

from packages_app.core.rollout import steps_in
from packages_app.core.suite_change import What
from packages_app.core.system_user import system_user
from packages_app.management.consent import check_yes
from packages_app.management.terminal import ServiceCommand
from packages_app.models import Job
from packages_app.services.jobs import queue
from packages_app.services.lifecycle.move import keys_selected, preview_move, request_move
from packages_app.services.lifecycle.preview import Preview
from packages_app.services.lifecycle.steps import Move


class MoveCommand(ServiceCommand):
    """Moves the packages that a query selects."""

    what: ClassVar[What]
    suite_help: ClassVar[str] = "this suite alone; several"

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a query, suites, a reason, and consent."""
        parser.add_argument("query", metavar="QUERY", help="such as 'nginx (= 1.24.0-1)' (docs/QUERIES.md)")
        parser.add_argument("--suite", action="append", default=[], metavar="SUITE", help=self.suite_help)
        parser.add_argument("--reason", default="", help="why, for the history of each version")
        parser.add_argument("--dry-run", action="store_true", help="print what clients would see, and change nothing")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Show what clients will see, ask, move, and publish."""
        move = Move(
            self.what, tuple(keys_selected(options["query"])), tuple(options["suite"]), options.get("to", ""),
            options.get("newer", False), steps_in(options.get("rollout", "")),
        )  # fmt: skip
        said = preview_move(move)
        say_preview(self.stdout.write, said)
        if options["dry_run"]:
            return
        check_yes(f"Move {said.versions} versions?", yes=options["yes"])
        self.run_job(
            lambda: request_move(
                move, options["reason"], shown=said.shown, requested_as=system_user(), wake_worker=False
            )
        )
        self.run_jobs(lambda: [job for job in queue.waiting_jobs(Job.Kind.PUBLISH) if job.subject in said.suites])


def say_preview(write: Callable[[str], object], said: Preview) -> None:
    """Say line by line what clients will see, and what takes those back that have a newer version."""
    write(f"{said.versions} versions, suites {', '.join(said.suites)}")
    for name in said.named:
        write(f"  {name}")
    if said.named and said.unnamed:
        write(f"  and {said.unnamed} more")
    for line in (*said.seen, *said.older, *said.rolled):
        write(str(line))
    if not said.seen:
        write("The newest versions stay what they are.")
    for suite in said.emptied:
        write(f"Nothing is left in suite {suite}: clients will find no package there.")
    for broken in said.broken:
        write(f"can't be installed any more: {broken}")
    for why in said.unasked:
        write(f"whether packages can be installed is not known: {why}")
    if said.more:
        write(f"and {said.more} more packages")
    for seen in said.pins:
        write(
            f"Clients that have {seen.name} {seen.before} keep it: apt does not downgrade by itself. Those that"
            f" shall go back need a file in /etc/apt/preferences.d:\n{seen.pin}"
        )
