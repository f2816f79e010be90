"""What commands have in common: progress on a terminal, and exit codes that mean something."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from packages_app.core.errors import RepomgrError
from packages_app.models import Job
from packages_app.services import job_services
from packages_app.services.jobs import queue

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits(3)
_REFUSED = (
    "package_refused", "invalid_deb", "invalid_version", "bad_definition", "bad_setting", "version_conflict",
    "bad_environment", "bad_backup", "migration_refused", "repository_refused", "repair_refused",
)  # fmt: skip


log = structlog.get_logger(__name__)


def exit_code(error_code: str) -> int:
    """Give how a command ends for an error of this code."""
    return EXIT_REFUSED if error_code in _REFUSED else EXIT_FAILED


class TerminalProgress:
    """A bar on a terminal, plain lines elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm[Any] | None = None
        self._name = ""

    def step(self, name: str, detail: str = "") -> None:
        """Print the step that begins; the one before is done."""
        self.end("done")
        self._name = name
        self._stream.write(f"{name}: {detail}\n" if detail else f"{name}\n")

    def advance(self, done: int, total: int) -> None:
        """Move the bar; only terminals have one."""
        if not self._stream.isatty():
            return
        if self._bar is None:
            self._bar = tqdm(total=total, file=self._stream, leave=False, unit_scale=True)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def note(self, text: str, *, level: str = "info") -> None:
        """Print a note below the step."""
        mark = "" if level == "info" else f"{level}: "
        tqdm.write(f"  {mark}{text}", file=self._stream)

    def end(self, state: str) -> None:
        """Take the bar away, and print how the present step ended: done or failed."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._name:
            self._stream.write(f"  {self._name}: {state}\n")
            log.info("step_ended", step=self._name, state=state)
            self._name = ""


@contextmanager
def terminal_progress() -> Iterator[TerminalProgress]:
    """Give the terminal's progress for the block; its last step is done, or failed when the block raises."""
    progress = TerminalProgress()
    try:
        yield progress
    except BaseException:
        progress.end("failed")
        raise
    progress.end("done")


class ServiceCommand(BaseCommand):
    """A command that calls services and turns their errors into a sentence and an exit code.

    0 done, 1 failed, 2 refused (bad input: correct it), 75 a server is away (try again).
    """

    # They are about the code: lint and tests make them, users need not wait for them. Some ask the database, and one
    # that is away is for `doctor` to find.
    requires_system_checks: list[str] = []

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; a `RepomgrError` ends it with its code, sentence and remedy."""
        try:
            return super().execute(*args, **options)
        except RepomgrError as error:
            code = EXIT_REFUSED if error.code in _REFUSED else EXIT_TRY_AGAIN if error.retryable else EXIT_FAILED
            raise CommandError(f"{error.code}: {error}", returncode=code) from error

    def run_job(self, make: Callable[[], Job]) -> Job:
        """Run a job here, with its progress on the terminal; raises `CommandError` when it failed."""
        job = make()
        progress = TerminalProgress()
        job = queue.run(job.pk, job_services.SERVICES[job.kind], watcher=progress, patient=False)
        progress.end("failed" if job.state == Job.State.FAILED else "done")
        self.tell(job)
        return job

    def publish_waiting(self) -> None:
        """Run the publications that wait; raises `CommandError` when one failed."""
        progress = TerminalProgress()
        done = job_services.run_waiting_publications(progress)
        progress.end("failed" if any(job.state == Job.State.FAILED for job in done) else "done")
        for job in done:
            self.tell(job)

    def tell(self, job: Job) -> None:
        """Print how a job ended; raises `CommandError` when it failed."""
        if job.state == Job.State.FAILED:
            said = f"{job.error_code}: {job.error} Remedy: {job.remedy}"
            raise CommandError(said, returncode=exit_code(job.error_code))
        if job.state == Job.State.DONE:
            said = ", ".join(f"{name}={value}" for name, value in job.result.items())
            self.stdout.write(f"{job}: done ({said})")
        else:
            self.stdout.write(f"{job}: {job.get_state_display()}; a worker has it")
