"""What ends a command: a code, what is wrong, the remedy, and the exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes: those of the server's own commands, and one for what clients don't see yet."""

    SHOWN = 0
    FAILED = 1
    REFUSED = 2
    WAITING = 3
    TRY_AGAIN = 75
    """EX_TEMPFAIL of sysexits(3)."""


class Fault(Exception):
    """Why a command ends without what it was asked for. Its texts never have a token."""

    def __init__(
        self, code: str, detail: str, remedy: str = "", exit_code: int = Exit.REFUSED, *, status: int = 0
    ) -> None:
        super().__init__(detail)
        self.status = status
        """Of HTTP, where the server answered; 0 else."""
        self.code, self.detail, self.remedy, self.exit_code = code, detail, remedy, exit_code

    def as_json(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {"code": self.code, "detail": self.detail, "remedy": self.remedy, "exit_code": int(self.exit_code)}
