"""What clients were given last of a suite, as the package table keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class LastGiven:
    """What a suite's clients were given last: the Date of its Release (UTC, whole seconds), and what signed it.

    `fingerprint` is the primary key's, upper-case hex; of several keys each one's, with a blank between two.
    """

    date: datetime
    fingerprint: str

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """The fingerprints of the primary keys, the leading one first."""
        return tuple(self.fingerprint.split())
