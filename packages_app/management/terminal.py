"""What commands have in common: progress on a terminal, and exit codes that mean something."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from packages_app.core.errors import RepomgrError
from packages_app.models import Job
from packages_app.services import job_services, jobs

EXIT_FAILED = 1
EXIT_REFUSED = 2
EXIT_TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits(3)
_REFUSED = ("package_refused", "invalid_deb", "invalid_version", "bad_definition", "bad_setting", "version_conflict")


class TerminalProgress:
    """A bar on a terminal, plain lines elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm[Any] | None = None
        self._name = ""

    def step(self, name: str, detail: str = "") -> None:
        """Print the step that begins."""
        self.close()
        self._name = f"{name}: {detail}" if detail else name
        self._stream.write(f"{self._name}\n")

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

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class ServiceCommand(BaseCommand):
    """A command that calls services and turns their errors into a sentence and an exit code.

    0 done, 1 failed, 2 refused (bad input: correct it), 75 a server is away (try again).
    """

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
        job = jobs.run(job.pk, job_services.SERVICES[job.kind], watcher=progress)
        progress.close()
        self.tell(job)
        return job

    def publish_waiting(self) -> None:
        """Run the publications that wait; raises `CommandError` when one failed."""
        progress = TerminalProgress()
        done = job_services.run_waiting_publications(progress)
        progress.close()
        for job in done:
            self.tell(job)

    def tell(self, job: Job) -> None:
        """Print how a job ended; raises `CommandError` when it failed."""
        if job.state == Job.State.FAILED:
            code = EXIT_REFUSED if job.error_code in _REFUSED else EXIT_FAILED
            raise CommandError(f"{job.error_code}: {job.error} Remedy: {job.remedy}", returncode=code)
        if job.state == Job.State.DONE:
            said = ", ".join(f"{name}={value}" for name, value in job.result.items())
            self.stdout.write(f"{job}: done ({said})")
        else:
            self.stdout.write(f"{job}: {job.get_state_display()}; a worker has it")
