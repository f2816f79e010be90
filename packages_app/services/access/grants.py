"""Grants given to people and groups, and taken back, by superusers alone: nobody raises himself by a right that he has.

A token's grants are made with it (`rights.tokens`), a publisher's with him (`trusted.publishers`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.contrib.auth.models import AbstractBaseUser, Group, User

from packages_app.core.errors import PackageRefused
from packages_app.core.name_patterns import EVERY, checked_pattern, fits, fixed_beginning
from packages_app.core.rights import Action, Grant
from packages_app.models import AccessGrant, PackageName
from packages_app.services import adapters
from packages_app.services.rights.asker import Asker
from packages_app.services.rights.granted import groups_here, held_by_groups, held_by_people
from packages_app.services.rights.rule import require

GRANTABLE = tuple(action for action in Action if action is not Action.ADMINISTER)
"""What can be granted: to administer is a superuser's."""
_UNLIMITED = (Action.READ, Action.KEYS)
"""What is of no package and no suite."""
_WHAT = "To change rights"

log = structlog.get_logger(__name__)


class BadGrant(PackageRefused):
    """A right that can't be granted so."""

    code = "bad_grant"


@dataclass(frozen=True)
class Fitting:
    """What a pattern fits now: how many, and the first of them by name."""

    count: int
    first: tuple[str, ...]


def add_grant(
    holder: AbstractBaseUser | Group | None,
    action: str,
    packages: str = EVERY,
    suites: str = EVERY,
    *,
    user: Asker | None,
    who: str = "",
) -> AccessGrant:
    """Let a person or a group do an action with packages and suites that fit patterns; return the grant.

    One that is there already is returned. `user` asks for it in the admin; a command says `who` runs it. Raise
    `RightMissing`, `PatternRefused`, and `BadGrant` for no holder, an action that can't be granted, and patterns of one
    that is of no package.
    """
    require(user, Action.ADMINISTER, _WHAT)
    if holder is None:
        raise BadGrant("The right is nobody's.", remedy="Name a person or a group.")
    if action not in GRANTABLE:
        raise BadGrant(
            f"{action[:80]!r} can't be granted.",
            remedy=f"Say one of {', '.join(GRANTABLE)}; who is to administer is made a superuser.",
        )
    packages, suites = checked_pattern(packages), checked_pattern(suites)
    if action in _UNLIMITED and (packages, suites) != (EVERY, EVERY):
        raise BadGrant(f"The right to {action} has no limits.", remedy="Let packages and suites be *.")
    held = {"group": holder} if isinstance(holder, Group) else {"user": holder}
    grant = AccessGrant.objects.filter(**held, action=action, packages=packages, suites=suites).first()
    if grant is None:
        grant = AccessGrant.objects.create(**held, action=action, packages=packages, suites=suites)
        log.info("right_granted", grant=str(grant), user=user.get_username() if user else who)
    return grant


def take_back(grants: Iterable[AccessGrant], user: Asker | None, *, who: str = "") -> int:
    """Take grants of people and groups back; return how many there were. Raise `RightMissing`."""
    require(user, Action.ADMINISTER, _WHAT)
    gone = [grant for grant in grants if grant.token_id is None and grant.publisher_id is None]
    for grant in gone:
        grant.delete()
        log.info("right_taken_back", grant=str(grant), user=user.get_username() if user else who)
    return len(gone)


def all_rights() -> list[str]:
    """Return who may do what, a line each: superusers, what groups and people have by Django's rights, and grants."""
    supers = User.objects.filter(is_superuser=True, is_active=True).order_by("username")
    groups, people = Group.objects.order_by("name"), User.objects.filter(is_active=True).order_by("username")
    of_groups, of_people = held_by_groups(groups_here()), held_by_people(people)
    lines = [f"{user.get_username()}: {Grant(Action.ADMINISTER)}" for user in supers]
    for group in groups:
        lines += [f"group {group}: {grant}" for grant in sorted(map(str, of_groups.get(group.pk, ())))]
    for user in people:
        lines += [f"{user.get_username()}: {grant}" for grant in sorted(map(str, of_people.get(user.pk, ())))]
    return lines


def fitting_packages(pattern: str, most: int = 20) -> Fitting:
    """Return the packages that a pattern fits now: those that there are, and those that are defined.

    Raise `PatternRefused`.
    """
    pattern = checked_pattern(pattern)
    names = PackageName.objects.filter(name__startswith=fixed_beginning(pattern)).values_list("name", flat=True)
    found = {*names.iterator(), *adapters.definitions().by_package}
    fitting = sorted(name for name in found if fits(name, pattern))
    return Fitting(len(fitting), tuple(fitting[:most]))


def fitting_suites(pattern: str) -> Fitting:
    """Return the suites that a pattern fits now; raise `PatternRefused`."""
    pattern = checked_pattern(pattern)
    fitting = [suite.name for suite in adapters.repository().suites if fits(suite.name, pattern)]
    return Fitting(len(fitting), tuple(fitting))
