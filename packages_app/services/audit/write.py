"""The one place that writes lines of the audit trail.

A door (a request, a command, the clock's task, a worker's job) opens a deed. What a deed does tells of itself here,
within the transaction of the change where there is one: then both are kept, or neither. What told nothing is told of by
the door, so that a new change has its line without a word of its own.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import structlog
from django.db import Error, connection, transaction
from django.utils import timezone

from packages_app.core.archive import entered_slug
from packages_app.core.audit import Actor, ActorKind, Result, one_line, present_actor, said
from packages_app.core.system_user import system_user
from packages_app.models import AuditEntry, AuditName
from packages_app.services.archives import slugs
from packages_app.services.audit.aside import keep_aside
from packages_app.services.audit.seal import seal_soon
from packages_app.services.rights.shown_token import ShownToken, shown_token

MOST_NAMES = 1000
"""Packages, and suites, that a line can be found by; what it was asked with names all of them."""
_LONGEST_NAME = 255

log = structlog.get_logger(__name__)


@dataclass
class Deed:
    """One request, command or job: what it was refused by, code and sentence, "" for nothing; the rows of its lines."""

    number: UUID = field(default_factory=uuid4)
    code: str = ""
    why: str = ""
    lines: list[int] = field(default_factory=list)

    @property
    def told(self) -> bool:
        """Whether a line tells of it: one whose transaction was given up does not."""
        return bool(self.lines) and AuditEntry.of_all_archives.filter(pk__in=self.lines, deed=self.number).exists()

    def has_said(self, code: str) -> bool:
        """Return whether a line of it has this code of an error already; never of ""."""
        lines = AuditEntry.of_all_archives.filter(pk__in=self.lines, code=code)
        return bool(code and self.lines) and lines.exists()


_deed: ContextVar[Deed | None] = ContextVar("deed", default=None)


@contextmanager
def deed(number: UUID | None = None) -> Iterator[Deed]:
    """Let all lines that are written in the block be of one deed, which is given."""
    opened = Deed(number or uuid4())
    token = _deed.set(opened)
    try:
        yield opened
    finally:
        _deed.reset(token)


def refused_with(code: str, why: str) -> None:
    """Let the door say that the present deed was refused by an error of this code, and why."""
    if (present := _deed.get()) is not None:
        present.code, present.why = code, why


def this_process() -> Actor:
    """Return who runs this process: its system user, on this host."""
    return Actor(ActorKind.COMMAND, system_user(), platform.node()[:64])


def actor_now() -> Actor:
    """Return who acts here, with the token that he showed; who runs the process, where nobody else was said to."""
    who, token = present_actor() or this_process(), shown_token()
    if token is None or who.kind in (ActorKind.TOKEN, ActorKind.PUBLISHER):
        return who
    return by_token(who.name if who.kind is ActorKind.PERSON else "", token, who.address)


def owner_of_token(name: str) -> str:
    """Return what the names of all begin with that act by a token of somebody."""
    return f"{name}, by the token "


def by_token(owner: str, token: ShownToken, address: str) -> Actor:
    """Return who acts by a token: `owner` is the name of the person whose it is, "" for a machine's own."""
    name = f"{owner_of_token(owner)}{token.name}" if owner else token.name
    kind = ActorKind.PUBLISHER if token.of_publisher else ActorKind.TOKEN
    return Actor(kind, name, address, str(token.number))


def archive_of_lines() -> str:
    """Return the archive that lines are of here: the one that was entered, or the only one; "" for none of several."""
    return entered_slug() or (slugs()[0] if len(slugs()) == 1 else "")


def write(
    what: str,
    *,
    result: Result = Result.DONE,
    subject: str = "",
    packages: Iterable[str] = (),
    suites: Iterable[str] = (),
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    given: Mapping[str, Any] | None = None,
    code: str = "",
    job: str = "",
    actor: Actor | None = None,
) -> None:
    """Write a line of the present deed. Secrets by their names, and those that `redact` knows, are left out of it.

    Within a transaction it is written with that or not at all: raise what the database raises, and the change is not
    done. Outside of one a line that the database does not take is kept in a file of the home, logged, and taken into
    the trail later; raise `AuditUnwritten` where that fails too.
    """
    present = _deed.get() or Deed()
    who = actor or actor_now()
    named = {AuditName.Kind.PACKAGE: _names(packages), AuditName.Kind.SUITE: _names(suites)}
    entry = AuditEntry(
        happened=timezone.now(), deed=present.number, kind=who.kind, actor=one_line(who.name, 255),
        actor_number=who.number[:64], address=one_line(who.address, 255), what=one_line(what, 128),
        subject=one_line(subject, 255), packages="\n".join(named[AuditName.Kind.PACKAGE]),
        suites="\n".join(named[AuditName.Kind.SUITE]), before=said(before or {}), after=said(after or {}),
        given=said(given or {}), result=result, code=code[:64], job=job, archive=archive_of_lines(),
    )  # fmt: skip
    try:
        insert(entry)
    except Error as error:
        if connection.in_atomic_block:
            raise
        keep_aside(entry, error)
    else:
        present.lines.append(entry.pk)


def insert(entry: AuditEntry) -> None:
    """Write a line and what it is found by, and have it sealed after the commit; raise what the database raises."""
    told = ((AuditName.Kind.PACKAGE, entry.packages), (AuditName.Kind.SUITE, entry.suites))
    named = [(kind, name) for kind, names in told for name in names.split("\n") if name]
    with transaction.atomic(savepoint=False):  # what fails here undoes all of the transaction
        entry.save(force_insert=True)
        AuditName.objects.bulk_create(AuditName(entry=entry, kind=kind, name=name) for kind, name in named)
    if not any(seal_soon in registered for registered in connection.run_on_commit):
        transaction.on_commit(seal_soon)


def _names(names: Iterable[str]) -> list[str]:
    return sorted({one_line(name, _LONGEST_NAME) for name in names if name})[:MOST_NAMES]
