"""Doors that work comes through: each says who acts, and tells of what told nothing of itself."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import connection

from packages_app.core.audit import Actor, ActorKind, Result, acting
from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.services.audit.aside import AuditUnwritten
from packages_app.services.audit.check import take_back_soon
from packages_app.services.audit.write import Deed, deed, this_process, write


@dataclass(frozen=True)
class Answered:
    """How a request was answered: what it was, what became of it, its error's code, what it was given and is about."""

    what: str
    result: Result
    code: str = ""
    subject: str = ""
    given: Mapping[str, Any] | None = None
    packages: Iterable[str] = ()
    suites: Iterable[str] = ()


@contextmanager
def command_door(name: str, given: Mapping[str, Any], *, changes: bool) -> Iterator[None]:
    """Let the block be a command of this process's system user, and tell how it ended where it is one that changes.

    A command that Django or a test calls within a request or another command is that one's.
    """
    with acting(this_process()), deed():
        if not changes:
            yield
            return
        try:
            yield
        except BaseException as error:
            with _behind_what_failed():
                _tell_command(name, given, **_ended(error))
            raise
        _tell_command(name, given)


def _tell_command(name: str, given: Mapping[str, Any], **ended: Any) -> None:
    """Tell of a command; not where nothing is installed yet: to look for a line's place would make the database."""
    database = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite" and database.startswith("/") and not Path(database).exists():
        return
    write(f"command.{name}", given=given, **ended)
    take_back_soon()


@contextmanager
def _behind_what_failed() -> Iterator[None]:
    """Let what failed be told of, not that its line could not be kept: the log has said so, and has the line."""
    with suppress(AuditUnwritten):
        yield


@contextmanager
def clock_door() -> Iterator[None]:
    """Let the block be what the clock starts: it tells of what it changes itself."""
    with acting(Actor(ActorKind.CLOCK, "clock", platform.node()[:64])), deed():
        yield


@contextmanager
def request_door(who: Callable[[], Actor], answered: list[Answered]) -> Iterator[None]:
    """Let the block be a request of whoever `who` finds, once somebody asks; tell of what it was `answered`.

    The block leaves in that list what it was answered, or nothing where it changed nothing and refused nothing. The
    code of an error that a page has shown is the deed's.
    """
    with acting(who), deed() as present:
        yield
        for answer in answered:
            if answer.result in (Result.REFUSED, Result.FAILED):
                if present.has_said(present.code):
                    continue
                with _behind_what_failed():
                    _tell(answer, present)
            elif present.code or not present.told:
                _tell(answer, present)


def _tell(answer: Answered, present: Deed) -> None:
    result = Result.REFUSED if present.code and answer.result is not Result.FAILED else answer.result
    write(
        answer.what, result=result, subject=answer.subject, given=answer.given, code=present.code or answer.code,
        after={"error": present.why} if present.why else None, packages=answer.packages, suites=answer.suites,
    )  # fmt: skip
    take_back_soon()


def _ended(error: BaseException) -> dict[str, Any]:
    """Return what a line says of the exception that a command ended with."""
    if isinstance(error, SystemExit):
        return {"result": Result.FAILED if error.code else Result.DONE}
    told = error if isinstance(error, RepomgrError) else error.__cause__
    refused = Outcome.REFUSED.exit_code
    if isinstance(error, CommandError):
        code, returncode = "", error.returncode
    else:
        code = "internal_error" if isinstance(error, Exception) else "interrupted"
        returncode = Outcome.FAILED.exit_code
    if isinstance(told, RepomgrError):
        code, returncode = told.code, told.outcome.exit_code
    result = Result.REFUSED if returncode == refused else Result.FAILED
    return {"result": result, "code": code, "after": {"error": str(error)}}
