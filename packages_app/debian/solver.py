"""Whether packages can be installed, as the solver says that is there: dose-debcheck, or else apt's own."""

from __future__ import annotations

from pathlib import Path

from packages_app.debian import apt_solver, debcheck
from packages_app.debian.debcheck import MOST_SECONDS, SolverFailed


class SolverMissing(SolverFailed):
    """No solver is installed."""

    code = "solver_missing"

    def __init__(self) -> None:
        super().__init__(
            f"Neither {debcheck.PROGRAM} nor {apt_solver.PROGRAM} is installed here, with prlimit to bound it.",
            remedy=f"Install {debcheck.PACKAGE} (or apt, and util-linux), or set installability: off.",
        )


def solver_here() -> str:
    """Return the program that is asked, dose-debcheck where it is installed; raise `SolverMissing` where none is."""
    if debcheck.debcheck_is_there():
        return debcheck.PROGRAM
    if apt_solver.apt_is_there():
        return apt_solver.PROGRAM
    raise SolverMissing


def broken_packages(checked: Path, others: Path, architecture: str, *, seconds: float = MOST_SECONDS) -> dict[str, str]:
    """Return which packages of a Packages file can't be installed from it and another one, and why.

    They are named `name version architecture`; what apt says begins with `apt:`. Raise `SolverMissing`, and
    `SolverFailed` when the solver fails, or takes more than its share of time or memory.
    """
    if solver_here() == debcheck.PROGRAM:
        return debcheck.broken_by_debcheck(checked, others, architecture, seconds=seconds)
    return apt_solver.refused_by_apt(checked, others, architecture, seconds=seconds)
