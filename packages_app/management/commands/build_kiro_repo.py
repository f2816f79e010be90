"""`manage.py build_kiro_repo`."""

import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from packages_app.core.errors import EnvironmentRefused, RepomgrError
from packages_app.core.ports import Progress
from packages_app.management.environment import (
    add_environment_arguments,
    chosen_environment,
    run_there,
    settings_fit,
)
from packages_app.management.terminal import ServiceCommand, terminal_progress
from packages_app.management.terraform_state import Environment
from packages_app.models import Job
from packages_app.services.archives import present_archive
from packages_app.services.intake.build_bootstrap import (
    PARTS,
    build_into,
    check_not_taken,
    next_version,
    the_bootstrap_package,
)
from packages_app.services.jobs import queue


class Command(ServiceCommand):
    """Builds the package that sets clients up, takes it in and publishes it."""

    help = "Build the bootstrap package (kiro-repo) from its templates, take it in, and publish."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the version, whom it is for, and how far to go."""
        version = parser.add_mutually_exclusive_group(required=True)
        version.add_argument("--version", dest="build_version", metavar="X", help="the version")
        version.add_argument("--increment", choices=PARTS, help="build the version after the newest one")
        add_environment_arguments(parser)
        parser.add_argument("--repository-url", default="", metavar="URL", help="address that the package names")
        parser.add_argument("--package", default="", metavar="NAME", help="the bootstrap package, if there are several")
        parser.add_argument("--output", type=Path, metavar="DIR", help="build into this folder only")
        parser.add_argument("--dry-run", action="store_true", help="build and check, change nothing")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the parser; `--version` is ours here, not Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def handle(self, *args: Any, **options: Any) -> None:
        """Build, and unless told otherwise take in and publish."""
        only_build = options["dry_run"] or options["output"]
        with terminal_progress() as progress:
            environment, ours = self._environment(options, progress)
        if environment and not ours and not only_build:
            self._run_there(environment, options)
            return
        given = environment.repository_url if environment else options["repository_url"]
        address = (given or present_archive().public_url).rstrip("/")
        name = options["package"] or the_bootstrap_package()
        version = options["build_version"] or next_version(name, options["increment"])
        if only_build:
            self._build_only(name, version, address, options)
            return
        arguments = {"name": name, "version": version, "repository_url": address}
        self.run_job(
            lambda: queue.enqueue(Job.Kind.BUILD, arguments, subject=f"{name} {version} {address}", wake_worker=False)
        )
        self.publish_waiting()

    def _environment(self, options: dict[str, Any], progress: Progress) -> tuple[Environment | None, bool]:
        """Return the environment that was asked for, if one was, and whether the settings are for it."""
        progress.step("read environment", options["env"] or "the settings")
        if options["env"] and options["repository_url"]:
            raise EnvironmentRefused("--env and --repository-url both name an address.", remedy="Give one of the two.")
        environment = chosen_environment(options)
        ours = environment is None or settings_fit(environment)
        if environment and not ours and (options["dry_run"] or options["output"]):
            progress.note(f"the settings are not for the table {environment.table}: it is not asked", level="warning")
        return environment, ours

    def _run_there(self, environment: Environment, options: dict[str, Any]) -> None:
        version, part = options["build_version"], options["increment"]
        arguments = ["build_kiro_repo", *(["--version", version] if version else ["--increment", part])]
        arguments += ["--repository-url", environment.repository_url]
        arguments += ["--package", options["package"]] if options["package"] else []
        code = run_there(environment, arguments)
        if code:
            raise CommandError(f"The build for {environment.name} failed; its step is named above.", returncode=code)

    def _build_only(self, name: str, version: str, address: str, options: dict[str, Any]) -> None:
        with tempfile.TemporaryDirectory(prefix="repomgr-build-") as scratch, terminal_progress() as progress:
            folder = options["output"] if options["output"] and not options["dry_run"] else Path(scratch)
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise RepomgrError(
                    f"{folder} can't be made: {error.strerror}.", remedy="Name a folder that can be written."
                ) from error
            built = build_into(name, version, folder, address, progress)
            if options["dry_run"]:
                progress.step("compare with the package table")
                there = check_not_taken(built)
                progress.note("this version is there, with the same bytes" if there else "this version would be new")
                self.stdout.write(built.contents.control_text)
            else:
                self.stdout.write(str(built.path))
