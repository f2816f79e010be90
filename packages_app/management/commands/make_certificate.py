"""`manage.py make_certificate`."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from packages_app.management.terminal import ServiceCommand
from packages_app.services.setup.certificate import make_certificate


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day such as 2030-12-31") from None


class Command(ServiceCommand):
    """Makes the public certificate of a signing key that others keep."""

    needs_database = False
    changes = False  # of what is installed nothing, where anything is
    help = (
        "Make the OpenPGP certificate of the key whose address is SIGNING_KEY, for SIGNING_CERTIFICATE; run again, it"
        " sets another expiry and keeps the fingerprint."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file, what the certificate says, and whose subkey the key becomes."""
        parser.add_argument("file", type=Path, metavar="FILE", help="where the certificate is, or will be")
        parser.add_argument("--user-id", default="", metavar="TEXT", help="whose key it is (default: by the label)")
        parser.add_argument("--expires", type=_day, metavar="YYYY-MM-DD", help="when it expires (default: never)")
        parser.add_argument(
            "--primary", default="", metavar="ADDRESS", help="make the key a signing subkey of this one's certificate"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, and say its fingerprint and expiry."""
        file = options["file"]
        signer = make_certificate(
            file, user_id=options["user_id"], expires=options["expires"], primary=options["primary"]
        )
        until = f"until {signer.expires:%Y-%m-%d}" if signer.expires else "without expiry"
        self.stdout.write(f"{file}: {signer.fingerprint}, valid {until}")
