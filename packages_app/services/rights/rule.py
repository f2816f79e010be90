"""The one rule of who may do what: Django's rights, narrower grants, and the token that was shown.

Django's rights are for all packages and suites; a grant adds some (`AccessGrant`). A page or button is there for who
may do its action with anything, and each call of a service asks about just what it would change.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.contrib.auth.models import User

from packages_app.core.rights import EVERYTHING, NOTHING, Action, Grant, Rights
from packages_app.models import Job
from packages_app.services.rights.asker import Asker, Machine
from packages_app.services.rights.granted import groups_here, held_by_groups, held_by_people
from packages_app.services.rights.shown_token import shown_token


def rights_of(user: Asker | None) -> Rights:
    """Return what somebody may do now, with the token that he showed; who runs a command (None) is the operator."""
    token = shown_token()
    if token is None:
        return own_rights(user)
    allowed = Rights.of(token.grants)
    return allowed if isinstance(user, Machine) else own_rights(user).within(allowed)


def own_rights(user: Asker | None) -> Rights:
    """Return what somebody may do without any token."""
    if user is None:
        return EVERYTHING
    return own_rights_of([user])[user.pk] if isinstance(user, User) else NOTHING


def own_rights_of(people: Collection[User]) -> dict[int, Rights]:
    """Return what each of some people may do without any token, by their keys, in as many queries as for one."""
    found = {user.pk: EVERYTHING if user.is_active and user.is_superuser else NOTHING for user in people}
    plain = [user.pk for user in people if user.is_active and not user.is_superuser]
    if not plain:
        return found
    own = held_by_people(plain)
    members = User.groups.through.objects.filter(user__in=plain, group__in=groups_here())
    groups = list(members.values_list("user_id", "group_id"))
    of_groups = held_by_groups({group for _, group in groups})
    sets = {user: set(own.get(user, ())) for user in plain}
    for user, group in groups:
        sets[user] |= of_groups.get(group, frozenset())
    return found | {user: Rights.of(grants) for user, grants in sets.items()}


def rights_of_job(job: Job) -> Rights:
    """Return what who asked for a job may do now; of one who is gone, what he might do when he asked.

    A token that was revoked since allows nothing; that one has expired by now does not matter.
    """
    then = Rights.of_json(job.rights) if job.rights is not None else _rights_of_earlier(job)
    token = job.token
    if token is not None and token.revoked is not None:
        return NOTHING
    if job.requested_by is None:
        return then
    now = own_rights(job.requested_by)
    if token is None:
        return now
    return now.within(Rights.of(row.grant for row in token.grants.all()))


def _rights_of_earlier(job: Job) -> Rights:
    """Return what was kept of the rights of a job of an earlier release, whose asker is gone or was a command."""
    said = job.arguments
    if said.get("by_publisher", True):
        return EVERYTHING
    hotfix = [Grant(Action.HOTFIX)] if said.get("by_hotfixer") else []
    return Rights.of([Grant(Action.UPLOAD), *hotfix])


def require(
    user: Asker | None, action: Action, what: str, *, packages: Iterable[str] = ("",), suites: Iterable[str] = ("",)
) -> None:
    """Raise `RightMissing` unless somebody may do this with each package in each suite.

    `what` is what he wants to do, as a sentence's subject; "" stands for all packages, or all suites, at once.
    """
    rights_of(user).require(action, what, packages=packages, suites=suites)


def require_of_job(
    job: Job, action: Action, what: str, *, packages: Iterable[str] = ("",), suites: Iterable[str] = ("",)
) -> None:
    """Raise `RightMissing` unless who asked for a job may do this now, as `require`."""
    rights_of_job(job).require(action, what, packages=packages, suites=suites)
