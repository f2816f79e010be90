"""`manage.py doctor`."""

from typing import Any

from django.core.management.base import CommandError

from packages_app.management.terminal import EXIT_FAILED, ServiceCommand
from packages_app.services.setup.doctor import examine


class Command(ServiceCommand):
    """Probes what work needs."""

    changes = False
    needs_database = False
    help = (
        "Probe table, bucket, staging, broker and database by writing to them, key, clock, definitions, who may read"
        " the home, and the room on its disks; one line each, ok, WARN or FAIL, with its remedy."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line a probe; exit 1 when one failed."""
        failed = 0
        for finding in examine():
            mark = ("WARN" if finding.remedy else "ok  ") if finding.well else "FAIL"
            remedy = f" Remedy: {finding.remedy}" if finding.remedy else ""
            self.stdout.write(f"{mark} {finding.name}: {finding.detail}{remedy}")
            failed += not finding.well
        if failed:
            raise CommandError(f"{failed} probes failed.", returncode=EXIT_FAILED)
