"""`manage.py create_storage`."""

from typing import Any

from packages_app.management.terminal import ServiceCommand, TerminalProgress
from packages_app.services.storage import create_storage


class Command(ServiceCommand):
    """Makes table, index, bucket and staging."""

    help = "Make the package table with its index, the bucket and the staging store; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Make what is missing and say what was made."""
        for name, made in create_storage(TerminalProgress()).items():
            self.stdout.write(f"{name}: {'made' if made else 'is there'}")
