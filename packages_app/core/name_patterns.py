"""Patterns of names of packages and suites: one language for rights, tokens, trusted publishers and webhooks.

A pattern is a whole name, in which `*` stands for any letters, also for none, and `?` for one. Upper and lower case
differ. No name has either letter in it (Debian Policy, 5.6.1; `core.repository.is_suite_name`), nor a bracket.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from packages_app.core.errors import PackageRefused

EVERY = "*"
LONGEST_PATTERN = 128
_PATTERN = re.compile(r"[A-Za-z0-9.+*?_-]{1,128}\Z", re.ASCII)
_FIXED = re.compile(r"[^*?]*", re.ASCII)


class PatternRefused(PackageRefused):
    """A pattern of names that matches nothing, or is none."""

    code = "bad_pattern"


def checked_pattern(text: str) -> str:
    """Return a pattern without blanks around it; raise `PatternRefused`."""
    text = text.strip()
    if not _PATTERN.match(text):
        raise PatternRefused(
            f"{text[:80]!r} is no pattern of names.",
            remedy=f"Write up to {LONGEST_PATTERN} of a-z, 0-9 and .+_-, * for any of them and ? for one.",
        )
    return text


def parted(text: str) -> list[str]:
    """Return the patterns that somebody has written with spaces or commas between, not checked yet."""
    return text.replace(",", " ").split()


def fits(name: str, pattern: str) -> bool:
    """Return whether a name fits a pattern; none at all, "", fits none but `EVERY`."""
    return pattern == EVERY or (bool(name) and fnmatchcase(name, pattern))


def fixed_beginning(pattern: str) -> str:
    """Return what all names that fit a pattern begin with."""
    found = _FIXED.match(pattern)
    return found[0] if found is not None else ""
