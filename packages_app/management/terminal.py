"""What commands have in common: where they work, progress and errors for people or as a log, and exit codes."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TextIO

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.log import configure_logging
from tqdm import tqdm

from packages_app.core.archive import entered_slug
from packages_app.core.errors import RepomgrError, outcome_of
from packages_app.core.locations import place_of
from packages_app.core.outcome import Outcome
from packages_app.core.ports import Progress
from packages_app.core.product import product_version
from packages_app.management.said_once import (
    ENDS,
    JSON,
    STEPS,
    log_format,
    speaking_by_the_log,
    speaks_by_the_log,
    unsaid,
)
from packages_app.models import Job
from packages_app.services import job_services
from packages_app.services.archives import entered, present_archive, slugs
from packages_app.services.audit.doors import command_door
from packages_app.services.jobs import queue
from packages_app.services.outside_errors import told_as_ours
from packages_app.services.setup.database import check_database

EXIT_FAILED = Outcome.FAILED.exit_code
_OPTIONS_OF_ALL = frozenset(
    {"verbosity", "settings", "pythonpath", "traceback", "no_color", "force_color", "skip_checks", "log_format",
     "stdout", "stderr"}
)  # fmt: skip

log = structlog.get_logger(__name__)


def worst_of(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the outcome that decides how a command ends: trying again helps only where nothing else is wrong."""
    worst_first = (Outcome.FAILED, Outcome.REFUSED, Outcome.TRY_AGAIN)
    return min(outcomes, key=worst_first.index)


def archive_first(argv: list[str]) -> list[str]:
    """Return a command line (program, command, arguments) with `--archive` first of the arguments, if it is there."""
    at = next((number for number, said in enumerate(argv) if said.partition("=")[0] == "--archive"), None)
    if at is None:
        return argv
    end = at + (1 if "=" in argv[at] else 2)
    return [*argv[:2], *argv[at:end], *argv[2:at], *argv[end:]]


class TerminalProgress:
    """A bar on a terminal, plain lines elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._bar: tqdm[Any] | None = None
        self._name = ""
        self.errors: list[str] = []
        """Notes of errors, which the command's own error need not say again."""

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
        self.errors += [text] if level == "error" else []
        mark = "" if level == "info" else f"{level}: "
        tqdm.write(f"  {mark}{text}", file=self._stream)

    def end(self, state: str) -> None:
        """Take the bar away, and print how the present step ended: done or failed."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        if self._name:
            self._stream.write(f"  {self._name}: {state}\n")
            self._name = ""


class LoggedProgress:
    """The same as lines of the log, with the events that jobs have."""

    def __init__(self) -> None:
        self._name = ""
        self.errors: list[str] = []

    def step(self, name: str, detail: str = "") -> None:
        """Log the step that begins; the one before is done."""
        self.end("done")
        self._name = name
        log.info("step_began", step=name, detail=detail)

    def advance(self, done: int, total: int) -> None:
        """Log nothing: how far a step is, is for who watches."""

    def note(self, text: str, *, level: str = "info") -> None:
        """Log a note of the step."""
        self.errors += [text] if level == "error" else []
        getattr(log, level)("step_note", note=text)

    def end(self, state: str) -> None:
        """Log how the present step ended: done or failed."""
        if self._name:
            log.info("step_ended", step=self._name, state=state)
            self._name = ""


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """Return the command's progress for the block; its last step is done, or failed when the block raises."""
    progress = _progress()
    with unsaid(STEPS):
        try:
            yield progress
        except BaseException:
            progress.end("failed")
            raise
        progress.end("done")


def _progress() -> TerminalProgress | LoggedProgress:
    return LoggedProgress() if speaks_by_the_log() else TerminalProgress()


class ServiceCommand(BaseCommand):
    """A command that calls services and turns their errors into a sentence and an exit code.

    0 done, 1 failed, 2 refused (bad input: correct it), 75 a server is away (try again).
    """

    # They are about the code: lint and tests make them, users need not wait for them. Some ask the database, and one
    # that is away is for `doctor` to find.
    requires_system_checks: list[str] = []
    every_archive = False
    """Whether the work is done in every archive, so that none needs to be named."""
    needs_database = True
    """Whether the command is refused before it does anything where the database lacks migrations."""
    changes: bool | frozenset[str] = True
    """Whether it may change something, so that the audit trail has a line of it; of several that are one, which do."""
    _called_from_command_line = False  # Django sets it
    _logs_errors = False

    def get_version(self) -> str:
        """Return what `--version` of a command says: ours, not Django's."""
        return product_version()

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Return the command's parser, with what all commands of ours take."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.add_argument(
            "--log-format",
            choices=("console", JSON),
            help="what standard error gets: text for people, or JSON lines (default: LOG_FORMAT)",
        )
        parser.add_argument(
            "--archive",
            default="",
            metavar="SLUG",
            help="the archive to work in, of those that ARCHIVES names (default: default, or the only one)",
        )
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """Run the command that was typed; `--archive` may stand behind a command's own subcommand, too."""
        super().run_from_argv(archive_first(argv))

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command; a `RepomgrError` ends it with its code, sentence and remedy."""
        self._set_up_log(options.get("log_format"))
        logs = self._called_from_command_line and log_format() == JSON
        self._logs_errors = logs and not options.get("traceback", False)
        # One that code calls is in its caller's archive, unless it is told another.
        named = options.pop("archive", "") or entered_slug() or (slugs()[0] if self.every_archive else "")
        try:
            with speaking_by_the_log(logs), told_as_ours(), entered(named):
                self._say_where()
                # A command for another environment runs in a process of its own, with a database of its own.
                elsewhere = bool(options.get("env"))
                if self.needs_database and not elsewhere:
                    check_database()
                changes = self.may_change(options) and not elsewhere
                with command_door(self._name, self._given(options), changes=changes):
                    return super().execute(*args, **options)
        except RepomgrError as error:
            self._end(f"{error.code}: {error}", error.outcome.exit_code, error)
        except CommandError as error:
            self._end(str(error), error.returncode, error)
        except Exception:
            if not self._logs_errors:
                raise
            log.exception("command_crashed", command=self._name)
            raise SystemExit(EXIT_FAILED) from None

    def complain(self, sentence: str) -> None:
        """Say what failed of the work while the rest goes on: to people, or as a line of the log."""
        if self._logs_errors:
            log.error("part_failed", command=self._name, error=sentence)
        else:
            self.stderr.write(sentence)

    @property
    def _name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def may_change(self, options: dict[str, Any]) -> bool:
        """Return whether what was asked for may change something."""
        chosen = self.changes if isinstance(self.changes, bool) else options.get("what") in self.changes
        return chosen and not options.get("dry_run", False)

    def _given(self, options: dict[str, Any]) -> dict[str, Any]:
        """Return what the audit trail keeps of a command's options: its own, where they say something."""
        own = {name: value for name, value in options.items() if name not in _OPTIONS_OF_ALL}
        return {name: value for name, value in own.items() if value not in (None, "", False, [], ())}

    def _set_up_log(self, chosen: str | None) -> None:
        """Log in the format that was asked for. What people see of the work itself is not logged beside it."""
        form = chosen or log_format()
        if form == JSON and form == log_format():
            return
        level = settings.LOGGING["level"] if form == JSON else settings.LOG_LEVEL_FOR_PEOPLE
        settings.LOGGING = {**settings.LOGGING, "format": form}
        configure_logging(settings.LOGGING_CONFIG, {**settings.LOGGING, "level": level})

    def _say_where(self) -> None:
        """Tell a person which home, bucket and table the command works on."""
        if not (self.stdout.isatty() or self.stderr.isatty()):
            return
        bucket, table = place_of(present_archive().bucket), place_of(present_archive().table)
        if log_format() == JSON:
            log.info("command_began", command=self._name, home=str(settings.HOME), bucket=bucket, table=table)
        else:
            self.stderr.write(f"home {settings.HOME}, bucket {bucket}, table {table}", lambda text: text)

    def _end(self, said: str, returncode: int, cause: Exception) -> NoReturn:
        """End the command with its error, once: as Django prints it, or as a line of the log."""
        if not self._logs_errors:
            raise CommandError(said, returncode=returncode) from cause
        coded = re.match(r"(\w+): ", said)
        log.error("command_failed", command=self._name, code=coded[1] if coded else "", error=said)
        raise SystemExit(returncode) from cause

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
        progress = _progress()
        with unsaid(STEPS, ENDS):
            job = job_services.run_job(job.pk, watcher=progress, patient=False)
        progress.end("failed" if job.state == Job.State.FAILED else "done")
        for noted in progress.errors:
            job.error = job.error.replace(noted, "as said above.")
        return job

    def _say_how_they_ended(self, jobs: list[Job]) -> list[Job]:
        """Print how each job ended; raise `CommandError` when some failed."""
        failed = [job for job in jobs if job.state == Job.State.FAILED]
        for job in jobs:
            if job.state == Job.State.DONE:
                told = ", ".join(f"{name}={_in_a_line(value)}" for name, value in job.result.items())
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


def _in_a_line(value: object) -> object:
    """Return a value of a result as a line tells it: texts of a list with commas between."""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return ",".join(value)
    return value
