"""`manage.py upload_deb`."""

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from packages_app.core.errors import RepomgrError
from packages_app.management.terminal import EXIT_FAILED, EXIT_REFUSED, ServiceCommand
from packages_app.models import Job
from packages_app.services.uploads import stage_upload


class Command(ServiceCommand):
    """Takes in local builds."""

    help = "Upload .deb files of packages that take uploads, and publish."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take files and where they go."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
        parser.add_argument("--suite", default="", help="suite (default: the definition's)")
        parser.add_argument("--component", default="", help="component (default: the definition's)")
        parser.add_argument("--no-publish", action="store_true", help="leave the publication to a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take in each file; one that is refused does not stop the others, and decides the exit code."""
        failures: list[tuple[str, int]] = []
        for path in options["files"]:
            try:
                self.run_job(partial(self._stage, path, options))
            except (RepomgrError, CommandError, OSError) as error:
                self.stderr.write(f"{path.name}: {error}")
                code = EXIT_REFUSED if isinstance(error, RepomgrError) else getattr(error, "returncode", EXIT_FAILED)
                failures.append((path.name, code))
        if not options["no_publish"]:
            self.publish_waiting()
        if failures:
            names = ", ".join(name for name, _ in failures)
            raise CommandError(f"Not taken in: {names}", returncode=failures[-1][1])

    def _stage(self, path: Path, options: dict[str, Any]) -> Job:
        return stage_upload(path, path.name, suite=options["suite"], component=options["component"], wake_worker=False)
