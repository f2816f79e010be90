"""What commands have in common: progress on a terminal, and exit codes that mean something."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import structlog
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from packages_app.core.errors import Outcome, RepomgrError, outcome_of
from packages_app.models import Job
from packages_app.services import job_services
from packages_app.services.jobs import queue

EXIT_FAILED = Outcome.FAILED.exit_code

log = structlog.get_logger(__name__)


def worst_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that decides how a command ends: trying again helps only where nothing else is wrong."""
    worst_first = (Outcome.FAILED, Outcome.REFUSED, Outcome.TRY_AGAIN)
    return min(outcomes, key=worst_first.index)


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
    """Return the terminal's progress for the block; its last step is done, or failed when the block raises."""
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
            raise CommandError(f"{error.code}: {error}", returncode=error.outcome.exit_code) from error

    def run_job(self, make: Callable[[], Job]) -> Job:
        """Run a job here, with its progress on the terminal; return it, or raise `CommandError` when it failed."""
        [job] = self.run_jobs(lambda: [make()])
        return job

    def run_jobs(self, make: Callable[[], Iterable[Job]]) -> list[Job]:
        """Run jobs here, one after another and each to its end; return them.

        Raise `CommandError` when some failed, after all have been run, with the exit code of the worst.
        """
        return self._say_how_they_ended([self._run_here(job) for job in make()])

    def publish_waiting(self) -> None:
        """Run the publications that wait; raise `CommandError` when some failed."""
        self.run_jobs(lambda: queue.waiting_jobs(Job.Kind.PUBLISH))

    def _run_here(self, job: Job) -> Job:
        progress = TerminalProgress()
        job = job_services.run_job(job.pk, watcher=progress, patient=False)
        progress.end("failed" if job.state == Job.State.FAILED else "done")
        return job

    def _say_how_they_ended(self, jobs: list[Job]) -> list[Job]:
        """Print how each job ended; raise `CommandError` when some failed."""
        failed = [job for job in jobs if job.state == Job.State.FAILED]
        for job in jobs:
            if job.state == Job.State.DONE:
                told = ", ".join(f"{name}={value}" for name, value in job.result.items())
                self.stdout.write(f"{job}: done ({told})")
            elif job.state != Job.State.FAILED:
                self.stdout.write(f"{job}: {job.get_state_display()}; a worker has it")
        if failed:
            sentences = [f"{job.error_code}: {job.error} Remedy: {job.remedy}" for job in failed]
            if len(jobs) > 1:
                sentences = [f"{job}: {sentence}" for job, sentence in zip(failed, sentences, strict=True)]
            worst = worst_of(outcome_of(job.error_code) for job in failed)
            raise CommandError("\n".join(sentences), returncode=worst.exit_code)
        return jobs
