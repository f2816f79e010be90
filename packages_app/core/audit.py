"""Who does what is done: the one that a thread works for, and what a line of the audit trail says as one text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from packages_app.core.redaction import without_secrets
from packages_app.core.storable_text import storable, storable_json

GENESIS = "0" * 64
"""What the first line of a chain names as the digest before it."""
LONGEST_SAID = 64 * 1024
"""Characters of what a line says was before, is after, or was given; of what is longer its digest is kept."""


class ActorKind(StrEnum):
    """What kind of one acts."""

    PERSON = "person"
    TOKEN = "token"  # noqa: S105 - a kind
    PUBLISHER = "publisher"
    COMMAND = "command"
    CLOCK = "clock"
    NOBODY = "nobody"


class Result(StrEnum):
    """What became of it: done, asked for (a job will do it), refused, failed, or a page was shown and nothing done."""

    DONE = "done"
    ASKED = "asked"
    REFUSED = "refused"
    FAILED = "failed"
    SHOWN = "shown"


@dataclass(frozen=True)
class Actor:
    """Who acts: `name` as it was then, `number` that of a user's or token's row ("" for none), `address` from where.

    Of a command `name` is its system user and `address` the host. Nothing here refers to a row that may go.
    """

    kind: ActorKind
    name: str = ""
    address: str = ""
    number: str = ""

    def __str__(self) -> str:
        if self.kind is ActorKind.COMMAND:
            return f"{self.name} on {self.address} (command)"
        return self.name or str(self.kind)


_acting: ContextVar[Actor | Callable[[], Actor] | None] = ContextVar("acting", default=None)


def present_actor() -> Actor | None:
    """Return who was said to act here; None where nobody was."""
    who = _acting.get()
    return who() if callable(who) else who


@contextmanager
def acting(actor: Actor | Callable[[], Actor]) -> Iterator[None]:
    """Let an actor be the one who acts, for the block and the threads that it starts.

    One who is not known yet is found by a call, each time that somebody asks.
    """
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


def said(values: Mapping[str, Any]) -> str:
    """Return values as one text, always the same for the same: JSON, without secrets, "" for none.

    Of what is longer than `LONGEST_SAID` characters its beginning, length and SHA256 are kept.
    """
    if not values:
        return ""
    text = _canonical(storable_json(without_secrets("", values)))
    if len(text) <= LONGEST_SAID:
        return text
    kept = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "characters": len(text), "begins": text[:4096]}
    return _canonical({"cut": kept})


def line_digest(previous: str, number: int, line: Mapping[str, str]) -> str:
    """Return the SHA256 (hex) of a line: of its fields as texts, its number, and the digest of the line before it."""
    return hashlib.sha256(_canonical({**line, "number": number, "previous": previous}).encode()).hexdigest()


def one_line(text: str, longest: int) -> str:
    """Return a text as a column of the trail holds it: one line, storable, cut to `longest` characters."""
    return storable(" ".join(text.split()), longest)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
