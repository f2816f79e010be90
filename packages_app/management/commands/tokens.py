"""`manage.py tokens list|make|revoke`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import CommandParser

from packages_app.core.errors import RecordNotFound
from packages_app.core.name_patterns import EVERY
from packages_app.core.rights import Action
from packages_app.core.system_user import system_user
from packages_app.management.terminal import ServiceCommand
from packages_app.models import AccessToken
from packages_app.services.rights.tokens import MOST_DAYS, USUAL_DAYS, make_token, revoke, tokens_of


class Command(ServiceCommand):
    """Lists, makes and revokes what machines show instead of a password."""

    changes = frozenset({"make", "revoke"})
    help = "List access tokens, make one, which is printed this once, and revoke one (docs/RIGHTS.md)."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done, and with which token."""
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        what.add_parser("list", help="print the tokens that count, and those that ended, newest first")
        make = what.add_parser("make", help="make a token of a user, and print it: it is kept nowhere")
        make.add_argument("name", metavar="NAME", help="where it is used, such as: ci of tool")
        make.add_argument("--owner", required=True, metavar="USER", help="whose it is: it may no more than he")
        make.add_argument("--action", action="append", required=True, choices=[str(one) for one in Action],
                          help="what it may; may be said again")  # fmt: skip
        for name in ("package", "suite"):
            make.add_argument(f"--{name}", action="append", metavar="PATTERN",
                              help=f"of which {name}s, * for any; may be said again (default: all)")  # fmt: skip
        make.add_argument("--days", type=int, default=USUAL_DAYS, metavar="N",
                          help=f"how long it lasts, 1 to {MOST_DAYS} (default: {USUAL_DAYS})")  # fmt: skip
        back = what.add_parser("revoke", help="take a token back, at once")
        back.add_argument("number", type=int, metavar="NUMBER", help="as the list has it")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it here."""
        getattr(self, f"_{options['what']}")(options)

    def _list(self, _options: dict[str, Any]) -> None:
        for token in tokens_of(None).select_related("owner").prefetch_related("grants"):
            self._say(token)

    def _make(self, options: dict[str, Any]) -> None:
        owner = User.objects.filter(username=options["owner"], is_active=True).first()
        if owner is None:
            raise RecordNotFound(
                f"There is no user {options['owner']!r} who may sign in.",
                remedy="Name one that Users in the admin lists, or add one there.",
            )
        _, secret = make_token(
            options["name"], owner, actions=options["action"], packages=options["package"] or [EVERY],
            suites=options["suite"] or [EVERY], days=options["days"], who=system_user(),
        )  # fmt: skip
        self.stdout.write(secret)

    def _revoke(self, options: dict[str, Any]) -> None:
        self._say(revoke(options["number"], None, who=system_user()))

    def _say(self, token: AccessToken) -> None:
        owner = token.owner.get_username() if token.owner is not None else "no person"
        self.stdout.write(
            f"{token.pk}  {token}, of {owner}: {token.condition}, until {token.expires:%Y-%m-%d %H:%M} UTC"
        )
        used = f"{token.last_used:%Y-%m-%d %H:%M} UTC from {token.last_address}" if token.last_used else "never"
        self.stdout.write(f"  {'; '.join(str(row.grant) for row in token.grants.all())}; last used {used}")
