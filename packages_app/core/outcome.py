"""What an error means for who asked for the work."""

from __future__ import annotations

from enum import Enum


class Outcome(Enum):
    """What an error means for who asked. The value is the exit code of a command that ends with it."""

    FAILED = 1
    """Something is broken, and somebody has to mend it."""
    REFUSED = 2
    """The input is bad: correct it."""
    TRY_AGAIN = 75
    """The same call may succeed later without anyone changing anything (EX_TEMPFAIL of sysexits(3))."""

    @property
    def exit_code(self) -> int:
        """Return the exit code of a command that ends so."""
        return self.value
