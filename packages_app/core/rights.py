"""Rights: what one may do, with which packages, in which suites.

Whoever asks holds sets of grants, of which each must allow it: a person's rights and those of his groups are one, and
a token adds another, so that it never reaches further than its owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from packages_app.core.errors import RightMissing
from packages_app.core.name_patterns import EVERY, checked_pattern, fits

MOST_GRANTS = 100
"""What one token, or one trusted publisher, may hold."""


class Action(StrEnum):
    """What one does."""

    READ = "read"
    UPLOAD = "upload"
    HOTFIX = "hotfix"
    BOOTSTRAP = "bootstrap"
    PUBLISH = "publish"
    KEYS = "keys"
    ADMINISTER = "administer"


MEANINGS = {
    Action.READ: "look at packages, publications and jobs",
    Action.UPLOAD: "upload versions",
    Action.HOTFIX: "upload versions of packages that a source watches",
    Action.BOOTSTRAP: "build and upload bootstrap packages, which set clients up as root",
    Action.PUBLISH: "publish, promote, withdraw, roll back, and choose where an upload goes",
    Action.KEYS: "change signing keys",
    Action.ADMINISTER: "do everything, purges, adoption and the repository's settings too",
}
"""The same for people."""


@dataclass(frozen=True)
class Grant:
    """One may do this with packages whose names fit a pattern, in suites whose names fit another.

    Upper and lower case differ. Who may administer may do everything.
    """

    action: Action
    packages: str = EVERY
    suites: str = EVERY

    def allows(self, action: Action, package: str = "", suite: str = "") -> bool:
        """Return whether it allows something; "" stands for all packages, or all suites, at once."""
        if self.action not in (action, Action.ADMINISTER):
            return False
        return fits(package, self.packages) and fits(suite, self.suites)

    def __str__(self) -> str:
        return f"{self.action} {self.packages} in {self.suites}"


def grants_of(actions: Iterable[str], packages: Sequence[str], suites: Sequence[str]) -> list[Grant]:
    """Return the grants of each of some actions with packages and suites by patterns; raise `PatternRefused`."""
    patterns = [(checked_pattern(package), checked_pattern(suite)) for package in packages for suite in suites]
    return [Grant(Action(action), *pattern) for action in sorted(set(actions)) for pattern in patterns]


@dataclass(frozen=True)
class Rights:
    """What one may do who asks: everything that each of the sets allows."""

    sets: tuple[frozenset[Grant], ...]

    @classmethod
    def of(cls, grants: Iterable[Grant]) -> Self:
        """Return the rights that one set of grants gives."""
        return cls((frozenset(grants),))

    def within(self, other: Rights) -> Rights:
        """Return what both allow."""
        return Rights((*self.sets, *other.sets))

    def may(self, action: Action, package: str = "", suite: str = "") -> bool:
        """Return whether this may be done; "" stands for all packages, or all suites, at once."""
        return all(any(grant.allows(action, package, suite) for grant in grants) for grants in self.sets)

    def may_somewhere(self, action: Action, package: str = "") -> bool:
        """Return whether this may be done in some suite with a package, or with some package where none is named."""
        return all(any(_somewhere(grant, action, package) for grant in grants) for grants in self.sets)

    def require(
        self, action: Action, what: str, *, packages: Iterable[str] = ("",), suites: Iterable[str] = ("",)
    ) -> None:
        """Raise `RightMissing` unless this may be done with each package in each suite; `what` begins the sentence."""
        for package in packages:
            for suite in suites:
                if not self.may(action, package, suite):
                    raise right_missing(action, what, package, suite)

    def as_json(self) -> list[list[list[str]]]:
        """Return them as a job keeps them."""
        return [sorted([grant.action, grant.packages, grant.suites] for grant in grants) for grants in self.sets]

    @classmethod
    def of_json(cls, kept: Any) -> Self:
        """Return what a job has kept."""
        return cls(tuple(frozenset(Grant(Action(a), p, s) for a, p, s in grants) for grants in kept))


def _somewhere(grant: Grant, action: Action, package: str) -> bool:
    return grant.action in (action, Action.ADMINISTER) and (not package or fits(package, grant.packages))


EVERYTHING = Rights.of([Grant(Action.ADMINISTER)])
NOTHING = Rights.of([])


def right_missing(action: Action, what: str, package: str = "", suite: str = "") -> RightMissing:
    """Return the error of somebody who may not do something; `what` is that, as a sentence's subject."""
    where = f" of {package}" if package else ""
    where += f" in suite {suite}" if suite else ""
    if action is Action.ADMINISTER:
        return RightMissing(f"{what} is a superuser's.", remedy="Ask an administrator.")
    ask = "Ask an administrator for that right; where a token is shown, for one that has it."
    who = f"Ask somebody of the group Publishers to do it. {ask}"
    return RightMissing(
        f"{what} needs the right to {action}{where}.",
        remedy=who if action in (Action.PUBLISH, Action.HOTFIX) else ask,
    )
