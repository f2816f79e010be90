"""Which of our groups an issuer's claims put somebody in; none of them is no account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction

from packages_app.services.audit.write import write

SUPERUSERS, EVERYBODY = "superusers", "*"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Membership:
    """The names of the groups that somebody is in, and whether he is a superuser."""

    groups: frozenset[str]
    superuser: bool


def membership_of(claims: Mapping[str, Any]) -> Membership | None:
    """Return what the setting of groups makes of somebody's claims; None for who is to have no account."""
    if settings.SINGLE_SIGN_ON.domains and not _is_of_domain(claims, settings.SINGLE_SIGN_ON.domains):
        return None
    theirs = {EVERYBODY, *_names(claims, settings.SINGLE_SIGN_ON.groups_claim)}
    ours = {name for their, name in settings.SINGLE_SIGN_ON.groups if their in theirs}
    return Membership(frozenset(ours - {SUPERUSERS}), SUPERUSERS in ours) if ours else None


def set_membership(user: User, membership: Membership | None) -> None:
    """Put a user into the groups that an issuer gives, and out of those that it could give and does not.

    Groups that it never gives stay as an administrator left them, and so does a superuser where it makes none. What
    changed is in the audit trail.
    """
    with transaction.atomic():
        before = _held(user)
        _set(user, membership)
        after = _held(user)
        if before != after:
            write("user.change", subject=user.username, before=before, after=after, given=by_issuer())


def by_issuer() -> dict[str, str]:
    """Return what a line of the audit trail says of a change to an account that nobody made by a form."""
    return {"by": settings.SINGLE_SIGN_ON.name}


def _held(user: User) -> dict[str, Any]:
    groups = sorted(user.groups.values_list("name", flat=True))
    return {"groups": groups, "is_superuser": user.is_superuser}


def _set(user: User, membership: Membership | None) -> None:
    given = {name for _, name in settings.SINGLE_SIGN_ON.groups}
    wanted = membership.groups if membership is not None else frozenset()
    present = set(user.groups.filter(name__in=given).values_list("name", flat=True))
    known = Group.objects.filter(name__in=wanted)
    user.groups.remove(*Group.objects.filter(name__in=present - wanted))
    user.groups.add(*known)
    missing = wanted - {group.name for group in known}
    if missing:
        log.warning("groups_of_issuer_missing", groups=sorted(missing))
    if SUPERUSERS in given and user.is_superuser != (membership is not None and membership.superuser):
        user.is_superuser = membership is not None and membership.superuser
        user.save(update_fields=["is_superuser"])


def _names(claims: Mapping[str, Any], claim: str) -> list[str]:
    """Return the names of a claim, which may stand in others: `realm_access.roles`."""
    found: Any = claims.get(claim)
    if found is None:
        found = claims
        for part in claim.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    names = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    return [name for name in names if isinstance(name, str)]


def _is_of_domain(claims: Mapping[str, Any], domains: Sequence[str]) -> bool:
    address = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(address, str)
    return verified and str(address).rpartition("@")[2].lower() in {domain.lower() for domain in domains}
