"""`make up` before its processes start."""

from typing import Any

from packages_app.management.said_once import ENDS, unsaid
from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.services.archives import present_archive
from packages_app.services.setup.first_password import FirstPassword
from packages_app.services.setup.first_start import Welcome, first_start


class Command(ServiceCommand):
    """Prepares database, storage, key and administrator, and says where everything is."""

    needs_database = False
    every_archive = True
    help = "Prepare a new or an existing home, and print the addresses and the first password."

    def handle(self, *args: Any, **options: Any) -> None:
        """Prepare a home and print how to sign in."""
        with terminal_progress() as progress, unsaid(ENDS):  # notes say which job failed
            welcome = first_start(progress, watched=self.stdout.isatty())
        self.stdout.write(_text(welcome))


def _password(password: FirstPassword) -> list[str]:
    """Return lines that show the password, and where it is kept until it is changed."""
    if password.file is None:
        return ["  Password     as set before"]
    kept = f"  Password     {password.shown or f'in the file {password.file}'}"
    return [kept, *([f"               kept in {password.file} until you change it"] if password.shown else [])]


def _text(welcome: Welcome) -> str:
    lines = [
        "",
        f"  Admin        {welcome.admin_url}",
        f"  User         {welcome.user}",
        *_password(welcome.password),
        f"  Repository   {welcome.repository_url}/",
        *(f"  Held back    {why}" for why in welcome.unpublished),
    ]
    if welcome.commands:
        lines += ["  On a client", *(f"    {command}" for command in welcome.commands)]
    elif not welcome.unpublished:
        lines.append("  On a client  as the page there says; no bootstrap package is on offer")
    if welcome.password.file is not None:
        lines += [
            "  Next",
            "    1. Sign in, and change the password",
            "    2. Upload packages; or have a vendor's feed watched: under Definitions, or as a file in "
            f"{present_archive().config_dir}/packages",
            "    3. What clients type is on the overview then",
        ]
    return "\n".join([*lines, ""])
