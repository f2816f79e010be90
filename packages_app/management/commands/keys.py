"""`manage.py keys list|add|rotate|retire|lost|prolong|export`."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from packages_app.core.system_user import system_user
from packages_app.management.consent import check_yes
from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.services import adapters
from packages_app.services.keys.emergency import exported, give_up, plan_emergency, prolong
from packages_app.services.keys.home_keys import add_key
from packages_app.services.keys.rotation import (
    WAIT_DAYS,
    Rotation,
    Step,
    leave_keyring,
    retire_key,
    rotation_of,
    ship,
    sign_by_new_alone,
)
from packages_app.services.keys.standing import KeyStanding, look_at_keys
from packages_app.services.keys.told import tell_keys
from packages_app.services.keys.work import day_to_come

_WHICH = "a key's fingerprint, or the last 16 digits of it"
_TOLD = {
    Step.ADD: "No change of keys is under way. One begins with keys add.",
    Step.SHIP: "Next: 2. the keyring goes to clients, and all keys sign.",
    Step.WAIT: "3. Clients are fetching the new bootstrap package.",
    Step.SIGN: "Next: 4. the new key signs alone.",
    Step.LEAVE: "Next: 5. the old key leaves the keyring.",
}


class Command(ServiceCommand):
    """Lists, adds, changes and retires the keys that Releases are signed with."""

    changes = frozenset({"add", "rotate", "retire", "lost", "prolong"})
    help = "List signing keys, and change from one to the next without a client being warned."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to be done, and with which key."""
        what = parser.add_subparsers(dest="what", required=True, metavar="WHAT")
        what.add_parser("list", help="print keys, what each is for, and what clients have of it")
        add = what.add_parser("add", help="add the next key to the home: of a file, or one that is made")
        add.add_argument("file", nargs="?", type=Path, metavar="FILE", help="an armored secret key without passphrase")
        rotate = what.add_parser("rotate", help="take the next step of the change to the next key")
        rotate.add_argument("--waited", action="store_true", help="do not wait longer for clients")
        rotate.add_argument("--wait-days", type=int, default=WAIT_DAYS, metavar="N", help="wait so long (default: 30)")
        retire = what.add_parser("retire", help="take a key out of use that no client needs")
        lost = what.add_parser("lost", help="a key was lost or stolen: another one signs at once")
        longer = what.add_parser("prolong", help="prolong a key of the home, and bring that to clients")
        export = what.add_parser("export", help="print a public key, with its expiry prolonged if that is given")
        for each in (retire, lost, longer, export):
            each.add_argument("key", metavar="KEY", help=_WHICH)
        longer.add_argument("until", metavar="DATE", help="until when, such as 2030-12-31")
        export.add_argument("--until", default="", metavar="DATE", help="until when, such as 2030-12-31")
        for each in (rotate, retire, lost, longer):
            each.add_argument("--yes", action="store_true", help="do not ask")
        for each in (rotate, lost):
            each.add_argument("--dry-run", action="store_true", help="say what comes next; change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it here."""
        getattr(self, f"_{options['what']}")(options)

    def _list(self, _options: dict[str, Any]) -> None:
        standing = look_at_keys()
        for key in standing.keys:
            self._say_key(key)
        self._say_rotation(rotation_of(standing, adapters.now()))

    def _add(self, options: dict[str, Any]) -> None:
        self.stdout.write(f"added {add_key(options['file'])}")
        self._say_rotation(rotation_of(tell_keys(), adapters.now()))

    def _rotate(self, options: dict[str, Any]) -> None:
        rotation = rotation_of(look_at_keys(), adapters.now(), timedelta(days=options["wait_days"]))
        self._say_rotation(rotation)
        waits = rotation.step is Step.WAIT and not options["waited"]
        if options["dry_run"] or rotation.step is Step.ADD or waits:
            return
        check_yes("Take this step?", yes=options["yes"])
        with terminal_progress() as progress:
            if rotation.step is Step.SHIP:
                ship(progress, system_user())
            elif rotation.step is Step.LEAVE:
                leave_keyring(progress, system_user())
            else:
                sign_by_new_alone(progress, system_user(), waited=True)
        self._list(options)

    def _retire(self, options: dict[str, Any]) -> None:
        check_yes(f"Retire {options['key']}?", yes=options["yes"])
        with terminal_progress() as progress:
            retire_key(options["key"], progress, system_user())
        self._list(options)

    def _lost(self, options: dict[str, Any]) -> None:
        planned = plan_emergency(options["key"])
        known = ", ".join(planned.known) or "none"
        self.stdout.write(
            f"{planned.lost} signs no more and leaves the keyring. In its place signs"
            f" {planned.successor or 'a key that is made then'}.\n"
            f"Clients that go on without a word: those with {known}. Every other client refuses the repository until it"
            " has typed:"
        )
        self.stdout.write("".join(f"  {line}\n" for line in planned.commands))
        self.stdout.write(
            "Who stole a key can sign for every client that still trusts it, until that client has typed these lines."
            + (f" Its revocation certificate: {planned.revocation}" if planned.revocation else "")
        )
        if options["dry_run"]:
            return
        check_yes(f"Give up {planned.lost}?", yes=options["yes"])
        with terminal_progress() as progress:
            give_up(planned, progress, system_user())
        self._list(options)

    def _prolong(self, options: dict[str, Any]) -> None:
        until = day_to_come(options["until"])
        check_yes(f"Prolong {options['key']} until {until:%Y-%m-%d}?", yes=options["yes"])
        with terminal_progress() as progress:
            prolong(options["key"], until, progress, system_user())
        self._list(options)

    def _export(self, options: dict[str, Any]) -> None:
        self.stdout.write(exported(options["key"], day_to_come(options["until"]) if options["until"] else None))

    def _say_key(self, key: KeyStanding) -> None:
        self.stdout.write(f"{key.fingerprint}  {key.role}")
        if key.facts is not None:
            ends = f"expires {key.facts.expires:%Y-%m-%d}" if key.facts.expires else "does not expire"
            until = f", apt 3 takes it until {key.facts.algorithm_ends:%Y-%m-%d}" if key.facts.algorithm_ends else ""
            self.stdout.write(f"  {key.facts.algorithm}, made {key.facts.made:%Y-%m-%d}, {ends}{until}")
        if key.fault is not None:
            self.stdout.write(f"  {key.fault.code}: {key.fault}")
        if key.decided is not None:
            self.stdout.write(f"  {key.role} since {key.decided.since:%Y-%m-%d}, decided by {key.decided.who}")
        versions = ", ".join(f"{one.package} {one.version} ({one.suite})" for one in key.bootstraps)
        self.stdout.write(f"  signs {', '.join(key.signs) or 'no suite'}; in {versions or 'no bootstrap package'}")

    def _say_rotation(self, rotation: Rotation) -> None:
        self.stdout.write(_TOLD[rotation.step])
        for lacking in rotation.lacking:
            self.stdout.write(f"  not yet: {lacking}")
        if rotation.step is Step.WAIT:
            since = f"since {rotation.since:%Y-%m-%d}" if rotation.since else "since nobody knows when"
            opens = (
                f"the next step opens {rotation.opens:%Y-%m-%d}" if rotation.opens else "say --waited when they have"
            )
            self.stdout.write(
                f"  They could {since}; {opens}. How many have is not known: they read the bucket themselves."
            )
