"""`manage.py rights list|give|take-back`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.core.management.base import CommandParser

from packages_app.core.errors import RecordNotFound
from packages_app.core.name_patterns import EVERY
from packages_app.core.system_user import system_user
from packages_app.management.terminal import ServiceCommand
from packages_app.models import AccessGrant
from packages_app.services.access.grants import GRANTABLE, add_grant, all_rights, take_back


class Command(ServiceCommand):
    """Lists, gives and takes back the rights of people and groups."""

    changes = frozenset({"give", "take-back"})
    help = "List who may do what with which packages and suites; give such a right, or take it back (docs/RIGHTS.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done, and whose right it is."""
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        what.add_parser("list", help="print the rights of people and groups, a line each")
        for name, words in (("give", "let a user or a group do something"), ("take-back", "take just that right back")):
            each = what.add_parser(name, help=words)
            holder = each.add_mutually_exclusive_group(required=True)
            holder.add_argument("--user", metavar="NAME")
            holder.add_argument("--group", metavar="NAME")
            each.add_argument("action", choices=[str(one) for one in GRANTABLE], metavar="ACTION",
                              help=f"one of {', '.join(GRANTABLE)}")  # fmt: skip
            for of in ("packages", "suites"):
                each.add_argument(f"--{of}", default=EVERY, metavar="PATTERN",
                                  help=f"{of} whose names fit: * for any letters (default: all)")  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it here."""
        if options["what"] == "list":
            for line in all_rights():
                self.stdout.write(line)
        elif options["what"] == "give":
            grant = add_grant(
                _holder(options), options["action"], options["packages"], options["suites"], user=None,
                who=system_user(),
            )  # fmt: skip
            self.stdout.write(str(grant))
        else:
            self._take_back(options)

    def _take_back(self, options: dict[str, Any]) -> None:
        holder = _holder(options)
        held = {"group": holder} if isinstance(holder, Group) else {"user": holder}
        same = {name: options[name] for name in ("action", "packages", "suites")}
        grants = list(AccessGrant.objects.filter(**held, **same))
        if not grants:
            raise RecordNotFound("There is no such right.", remedy="See rights list: patterns are named as given.")
        take_back(grants, None, who=system_user())
        for grant in grants:
            self.stdout.write(f"taken back: {grant}")


def _holder(options: dict[str, Any]) -> User | Group:
    """Return the user or group that is named; raise `RecordNotFound`."""
    name = options["user"] or options["group"]
    users, groups = User.objects.filter(username=name), Group.objects.filter(name=name)
    found = users.first() if options["user"] else groups.first()
    if found is None:
        kind = "user" if options["user"] else "group"
        raise RecordNotFound(
            f"There is no {kind} {name!r}.", remedy=f"Name one of {kind.title()}s in the admin, or add one there."
        )
    return found
