"""`manage.py audit list|export|check|guard`."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection

from packages_app.management.terminal import ServiceCommand
from packages_app.models.audit_guards import guard
from packages_app.services.audit.check import check_trail
from packages_app.services.audit.export import Format, exported, in_order
from packages_app.services.audit.search import Search, found, parse_search
from packages_app.services.audit_keeping import check_export

_SEARCHED = {
    "who": "a person's name, or USER@HOST of a command", "package": "a package", "suite": "a suite",
    "what": "what was done, or how that begins, such as job.move", "result": "done, asked, refused, failed or shown",
    "since": "a day or time, such as 2026-11-28", "until": "the same; a day to its end",
}  # fmt: skip


class Command(ServiceCommand):
    """Shows, exports and checks the audit trail."""

    changes = frozenset({"guard"})
    help = "Show, export and check the audit trail: who changed what, or was refused it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done, and what is searched for."""
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        listed = what.add_parser("list", help="print lines for people, newest first")
        listed.add_argument("--most", type=int, default=50, metavar="N", help="so many at most (default: 50)")
        export = what.add_parser("export", help="write lines, oldest first, as JSON lines or CSV")
        export.add_argument("--format", choices=[str(form) for form in Format], default=str(Format.JSONL))
        export.add_argument("--output", type=Path, metavar="FILE", help="write there (default: standard output)")
        for each in (listed, export):
            for name, meaning in _SEARCHED.items():
                each.add_argument(f"--{name}", dest=f"of_{name}", default="", metavar=name.upper(), help=meaning)
            each.add_argument("words", nargs="*", metavar="WORD", help="words as in the admin's search")
        what.add_parser("check", help="follow the chain of digests, and compare it with the export")
        what.add_parser("guard", help="make the database's triggers anew where they are missing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it here."""
        getattr(self, f"_{options['what']}")(options)

    def _list(self, options: dict[str, Any]) -> None:
        for line in found(_search(options), of_none=True)[: max(options["most"], 0)]:
            about = " ".join(filter(None, [line.subject, line.code]))
            self.stdout.write(
                f"{line.happened:%Y-%m-%d %H:%M:%S} {line.who} {line.what} {line.result} {about}".rstrip()
            )

    def _export(self, options: dict[str, Any]) -> None:
        text = exported(in_order(found(_search(options), of_none=True)), Format(options["format"]))
        output: Path | None = options["output"]
        if output is None:
            for each in text:
                self.stdout.write(each, ending="")
            return
        with output.open("w", encoding="utf-8", newline="") as file:
            file.writelines(text)

    def _check(self, _options: dict[str, Any]) -> None:
        checked, copied = check_trail(), check_export()
        self.stdout.write(f"{checked.lines} lines hold, the last is number {checked.number}: {checked.digest}")
        if copied:
            self.stdout.write(copied)

    def _guard(self, _options: dict[str, Any]) -> None:
        guard(connection)
        self.stdout.write("all triggers are there")


def _search(options: dict[str, Any]) -> Search:
    named = tuple((name, options[f"of_{name}"]) for name in _SEARCHED if options[f"of_{name}"])
    return Search((*named, *parse_search(" ".join(options["words"])).words))
