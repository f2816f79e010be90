"""`manage.py upload_deb`."""

from functools import partial
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from packages_app.core.errors import RepomgrError, outcome_of
from packages_app.core.outcome import Outcome
from packages_app.core.readable import check_readable
from packages_app.core.rollout import steps_in
from packages_app.core.system_user import system_user
from packages_app.management.said_once import ENDS, unsaid
from packages_app.management.terminal import ServiceCommand, terminal_progress, worst_of
from packages_app.models import Job
from packages_app.services.intake.proposals import define_unknown
from packages_app.services.intake.upload_files import UploadFile, files_of, upload_files
from packages_app.services.intake.uploads import stage_upload


class Command(ServiceCommand):
    """Takes in local builds."""

    help = "Upload .deb files of packages that take uploads, and publish. A folder stands for every .deb in it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take files and where they go."""
        parser.add_argument("files", nargs="+", type=Path, metavar="FILE_OR_FOLDER")
        parser.add_argument("--suite", default="", help="suite (default: the definition's)")
        parser.add_argument("--component", default="", help="component (default: the definition's)")
        parser.add_argument(
            "--rollout", default="", metavar="STEPS", help="percent of clients a day, such as 10,25,50,100"
        )
        parser.add_argument(
            "--build", default="", metavar="LABEL", help="one of several builds of the version (default: by its name)"
        )
        parser.add_argument(
            "--define", action="store_true", help="define packages that no definition names, by their control paragraph"
        )
        parser.add_argument("--no-publish", action="store_true", help="leave the publication to a worker")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take in each file; one that is refused stops no other; the worst decides the exit code."""
        self._refused = 0
        self._rollout = steps_in(options["rollout"])
        self._outcomes: list[Outcome] = []
        sources: list[Path] = options["files"]
        if len(sources) == 1 and not sources[0].is_dir():
            self._define([sources[0]], options)
            self._upload_one(sources[0], options)
        else:
            self._upload_many(sources, options)
        if not options["no_publish"]:
            self.publish_waiting()
        if self._refused:
            code = worst_of(self._outcomes).exit_code
            raise CommandError(f"Files that were not taken in: {self._refused}", returncode=code)

    def _upload_one(self, path: Path, options: dict[str, Any]) -> None:
        try:
            self.run_job(partial(self._stage, path, options))
        except (RepomgrError, CommandError, OSError) as error:
            self._refuse(path, error)

    def _upload_many(self, sources: list[Path], options: dict[str, Any]) -> None:
        files: list[UploadFile] = []
        for source in sources:
            try:
                files += files_of(source)
            except (RepomgrError, OSError) as error:
                self._refuse(source, error)
        self._define([file.path for file in files], options)
        new = known = 0
        with terminal_progress() as progress, unsaid(ENDS):  # it says which files were refused
            place = {name: options[name] for name in ("suite", "component", "build")}
            for done in upload_files(files, progress, **place, rollout=self._rollout):
                new, known = new + done.new, known + done.known
                self._refused += done.files - done.new - done.known
                for sentence in done.refused:
                    self.complain(sentence)
                    self._outcomes.append(outcome_of(done.error_code) if done.error_code else Outcome.REFUSED)
        self.stdout.write(f"upload: done (files={len(files)}, new={new}, known={known}, refused={self._refused})")

    def _define(self, paths: list[Path], options: dict[str, Any]) -> None:
        if not options["define"]:
            return
        place = {"suite": options["suite"], "component": options["component"]}
        for name in define_unknown(paths, **place, who=system_user()):
            self.stdout.write(f"{name} is defined now")

    def _stage(self, path: Path, options: dict[str, Any]) -> Job:
        check_readable(path)
        return stage_upload(
            path, path.name, suite=options["suite"], component=options["component"], build=options["build"],
            rollout=self._rollout, wake_worker=False,
        )  # fmt: skip

    def _refuse(self, path: Path, error: Exception) -> None:
        said = f"{error.code}: {error}" if isinstance(error, RepomgrError) else str(error)
        self.complain(f"{path.name}: {said}")
        self._refused += 1
        if isinstance(error, CommandError):
            self._outcomes.append(Outcome(error.returncode))
        else:
            self._outcomes.append(error.outcome if isinstance(error, RepomgrError) else Outcome.FAILED)
