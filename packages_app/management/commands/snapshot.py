"""`manage.py snapshot create|merge|filter|fill|list|delete`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.consent import check_yes
from packages_app.management.planned_suite import say_rollback
from packages_app.management.terminal import ServiceCommand
from packages_app.models import Job
from packages_app.publishing.snapshot_parts import Way
from packages_app.services.lifecycle.rollback import plan_fill, request_fill
from packages_app.services.publication.requests import known_suites
from packages_app.services.snapshots.compose import PlannedSnapshot, recipe_of
from packages_app.services.snapshots.jobs import (
    objects_to_delete,
    plan_composed,
    plan_creation,
    request_composed,
    request_deletion,
    request_snapshot,
)
from packages_app.services.snapshots.snapshots import ListedSnapshot, list_snapshots

_FIRST = 100
_NAME = "ID, of the suite of the first that is named, or SUITE/ID"
_PART = "a snapshot, as SUITE/ID; a suite, for what it shows now; or a publication, by its number or digest"
_PUBLICATION = (
    "of a past publication, by the beginning of its Release's SHA256 (six digits at least) or its number; or a copy of"
    " a snapshot, SUITE/ID"
)


class Command(ServiceCommand):
    """Makes, lists and deletes snapshots, and fills suites from them."""

    changes = frozenset({"create", "merge", "filter", "fill", "delete"})
    help = "Make, list and delete snapshots: states of a suite that clients can pin, for as long as they are kept."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done, and with which snapshots."""
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        create = what.add_parser("create", help="keep what a suite shows, or showed")
        create.add_argument("suite", nargs="?", default="", metavar="SUITE", help="whose")
        create.add_argument("id", nargs="?", default="", metavar="ID", help="such as 2026-q4: a part of the address")
        create.add_argument(
            "--publication", "--from", default="", metavar="PUBLICATION", dest="publication", help=_PUBLICATION
        )
        merge = what.add_parser("merge", help="make one of several")
        merge.add_argument("name", metavar="NAME", help=_NAME)
        merge.add_argument("parts", nargs="+", metavar="PART", help=_PART)
        ways = merge.add_mutually_exclusive_group()
        ways.add_argument(
            "--left-wins", dest="way", action="store_const", const=str(Way.LEFT), default="",
            help="all that the first has which has the package (default: the newest version of each name and"
            " architecture, whoever has it)",
        )  # fmt: skip
        ways.add_argument(
            "--no-remove", dest="way", action="store_const", const=str(Way.ALL), help="all versions of all"
        )
        chosen = what.add_parser("filter", help="make one of what a query selects of another")
        chosen.add_argument("name", metavar="NAME", help=_NAME)
        chosen.add_argument("parts", nargs=1, metavar="FROM", help=_PART)
        chosen.add_argument("query", metavar="QUERY", help="such as 'Section (= net)' (docs/QUERIES.md)")
        fill = what.add_parser("fill", help="set the packages of a suite to those of a snapshot, and publish it")
        fill.add_argument("suite", metavar="SUITE", help="of repository.yaml; it may be empty")
        fill.add_argument("snapshot", metavar="FROM", help="the snapshot, as SUITE/ID")
        for each in (create, merge, chosen, fill):
            each.add_argument("--reason", default="", help="why: in the snapshot's Release, or the versions' histories")
        listed = what.add_parser("list", help="list those there are")
        listed.add_argument("suite", nargs="?", default="", metavar="SUITE", help="whose (default: all)")
        delete = what.add_parser("delete", help="delete one")
        delete.add_argument("suite", nargs="?", default="", metavar="SUITE", help="whose")
        delete.add_argument("id", nargs="?", default="", metavar="ID", help="which")
        for each in (create, merge, chosen, fill, delete):
            each.add_argument("--dry-run", action="store_true", help="print what it would hold or do; change nothing")
            each.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it here."""
        getattr(self, f"_{options['what']}")(options)

    def _create(self, options: dict[str, Any]) -> None:
        suite, name, publication = options["suite"], options["id"], options["publication"]
        if options["dry_run"]:
            planned = plan_creation(suite, name, publication)
            self._show(planned)
            shown = list(map(str, planned.seen_now.newest))
            self._say(f"differ from what {planned.recipe.suite} shows now, by their newest version", shown)
            return
        self._say_line(
            self.run_job(
                lambda: request_snapshot(
                    suite, name, reason=options["reason"], publication=publication, requested_as=system_user(),
                    wake_worker=False,
                )
            )
        )  # fmt: skip

    def _merge(self, options: dict[str, Any]) -> None:
        recipe = recipe_of(options["name"], options["parts"], options.get("way") or "", options.get("query", ""))
        planned = plan_composed(recipe)
        self._show(planned)
        if options["dry_run"]:
            return
        check_yes(f"Make the snapshot {planned.folder} of {len(planned.placed)} packages?", yes=options["yes"])
        self._say_line(
            self.run_job(
                lambda: request_composed(recipe, options["reason"], requested_as=system_user(), wake_worker=False)
            )
        )

    _filter = _merge

    def _fill(self, options: dict[str, Any]) -> None:
        suite, snapshot = options["suite"], options["snapshot"]
        planned = plan_fill(suite, snapshot)
        say_rollback(self.stdout.write, planned)
        if options["dry_run"]:
            return
        check_yes(f"Move {planned.preview.versions} versions?", yes=options["yes"])
        self.run_job(
            lambda: request_fill(
                suite,
                snapshot,
                options["reason"],
                shown=planned.shown,
                requested_as=system_user(),
                wake_worker=False,
            )
        )
        self.stdout.write(planned.undo)

    def _list(self, options: dict[str, Any]) -> None:
        for suite in known_suites(filter(None, [options["suite"]])):
            for listed in list_snapshots(suite):
                self.stdout.write(_line(listed))

    def _delete(self, options: dict[str, Any]) -> None:
        suite, name = options["suite"], options["id"]
        count = objects_to_delete(suite, name)
        if options["dry_run"]:
            self.stdout.write(f"{count} objects of the snapshot {name} of suite {suite} would go")
            self.stdout.write("Clients that pin it could not update any more.")
            return
        check_yes(f"Delete the snapshot {name} of suite {suite}?", yes=options["yes"])
        self.run_job(lambda: request_deletion(suite, name, requested_as=system_user(), wake_worker=False))

    def _show(self, planned: PlannedSnapshot) -> None:
        self.stdout.write(f"{planned.folder}: {len(planned.placed)} packages, {planned.recipe.told}")
        seen = planned.seen
        self._say(f"differ from {planned.recipe.parts[0]}, by their newest version", list(map(str, seen.newest)))
        self._say("are lost", planned.lost)

    def _say(self, what: str, lines: list[str] | tuple[str, ...]) -> None:
        if lines:
            self.stdout.write(f"{len(lines)} {what}:")
        for line in lines[:_FIRST]:
            self.stdout.write(f"  {line}")
        if len(lines) > _FIRST:
            self.stdout.write(f"  and {len(lines) - _FIRST} more")

    def _say_line(self, job: Job) -> None:
        if "sources" in job.result:
            self.stdout.write(job.result["sources"])


def _line(listed: ListedSnapshot) -> str:
    if listed.snapshot is None:
        return f"{listed.suite} {listed.name}: its InRelease can't be read"
    snapshot = listed.snapshot
    reason = f" ({snapshot.reason})" if snapshot.reason else ""
    by = ", made by the clock" if listed.of_the_clock else ""
    return f"{listed.suite} {listed.name}: {snapshot.state}{by}{reason}\n  {listed.sources}"
