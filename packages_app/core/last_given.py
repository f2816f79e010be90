"""What clients were given last of a suite, as the package table keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LastGiven:
    """What a suite's clients were given last: the Date of its Release (UTC, whole seconds), and the key that signed it.

    `fingerprint` is the primary key's, upper-case hex.
    """

    date: datetime
    fingerprint: str
