"""Consent at a terminal: without it, and where nobody can be asked, nothing is changed."""

from __future__ import annotations

import sys

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome


class ConsentMissing(RepomgrError):
    """Nobody consented to what a command has shown."""

    code = "consent_missing"
    outcome = Outcome.REFUSED


def answer_to(question: str) -> str:
    """Return what a person at the terminal answers, "" where there is none."""
    return input(question).strip() if sys.stdin.isatty() else ""


def check_yes(question: str, *, yes: bool) -> None:
    """Ask whoever is at a terminal, unless a script said `yes`; raise `ConsentMissing` without one."""
    if not yes and answer_to(f"{question} Type yes: ").lower() != "yes":
        raise ConsentMissing("Nothing was changed: nobody consented.", remedy="Answer yes, or say --yes.")
