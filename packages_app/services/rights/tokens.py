"""Access tokens: made once and shown once, kept by their digest, revoked, and told of before they end."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

import structlog
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from packages_app.core.errors import PackageRefused, RecordNotFound, RepomgrError
from packages_app.core.outcome import Outcome
from packages_app.core.rights import MOST_GRANTS, Action, Grant, Rights, grants_of, right_missing
from packages_app.core.storable_text import storable
from packages_app.models import AccessGrant, AccessToken, TrustedPublisher
from packages_app.services.rights.asker import Asker, Machine
from packages_app.services.rights.rule import own_rights, rights_of
from packages_app.services.rights.shown_token import ShownToken, shown_token
from packages_app.services.rights.token_text import digest_of_secret, may_be_token, new_secret

USUAL_DAYS, MOST_DAYS = 90, 366
LONGEST_NAME = 64
_MOST_OF_ONE = 100
_SEEN_AGAIN = timedelta(minutes=1)
"""The last use is not written more often than this: a token may be shown many times a second."""

log = structlog.get_logger(__name__)


class TokenRefused(RepomgrError):
    """A request shows no token, or one that does not count."""

    code = "token_unknown"
    outcome = Outcome.REFUSED


class TokenExpired(TokenRefused):
    """A token's time is over."""

    code = "token_expired"


class TokenRevoked(TokenRefused):
    """A token was taken back, or its owner may not sign in any more."""

    code = "token_revoked"


class BadToken(PackageRefused):
    """A token that can't be made so."""

    code = "bad_token"


def make_token(
    name: str,
    owner: Asker,
    *,
    actions: Collection[str],
    packages: Sequence[str] = ("*",),
    suites: Sequence[str] = ("*",),
    days: int = USUAL_DAYS,
    who: str = "",
) -> tuple[AccessToken, str]:
    """Make a token for a person, for these actions with packages and suites that fit a pattern.

    `who` names the system user whose command makes it, for the log.

    Return its row, and what is shown once and kept nowhere. Raise `BadToken` for no name, no or unknown actions, those
    that the owner himself may nowhere do, and days that are none; `PatternRefused`; `RightMissing` where a token is
    shown, which makes no other: that might do more than it.
    """
    if shown_token() is not None:
        raise right_missing(Action.ADMINISTER, "To make a token by a token")
    name = storable(" ".join(name.split()), LONGEST_NAME)
    if not name:
        raise BadToken("The token has no name.", remedy="Say what it is for.")
    if not 1 <= days <= MOST_DAYS:
        raise BadToken(f"A token can't last {days} days.", remedy=f"Say 1 to {MOST_DAYS}.")
    known = {str(action) for action in Action}
    if not actions or set(actions) - known:
        raise BadToken("A token is for no action, or for one that is none.", remedy=f"Say some of {sorted(known)}.")
    rights = own_rights(owner)
    for action in actions:
        if not rights.may_somewhere(Action(action)):
            raise BadToken(f"You may not {action} yourself.", remedy="Make one without it, or ask for that right.")
    grants = grants_of(actions, packages, suites)
    if not 1 <= len(grants) <= MOST_GRANTS:
        raise BadToken("A token is for no package, or for too many.", remedy="Say fewer patterns, * for any.")
    if [grant for grant in grants if grant.action is Action.ADMINISTER] not in ([], [Grant(Action.ADMINISTER)]):
        raise BadToken("To administer has no limits.", remedy="Leave it out, or let packages and suites be *.")
    if AccessToken.objects.filter(owner_id=owner.pk, revoked=None, expires__gt=timezone.now()).count() >= _MOST_OF_ONE:
        raise BadToken(f"You have {_MOST_OF_ONE} tokens.", remedy="Revoke those that nobody needs.")
    return keep_token(name, grants, owner=owner, lasting=timedelta(days=days), who=who)


def keep_token(
    name: str,
    grants: Sequence[Grant],
    *,
    owner: Asker | None,
    lasting: timedelta,
    who: str = "",
    publisher: TrustedPublisher | None = None,
    built_from: Mapping[str, str] | None = None,
) -> tuple[AccessToken, str]:
    """Keep a new token with these grants; return it, and what is shown once.

    One without an owner is a machine's, as a trusted `publisher` is; `built_from` is what was vouched for with it.
    """
    secret = new_secret()
    with transaction.atomic():
        token = AccessToken.objects.create(
            name=name, owner_id=owner.pk if owner is not None else None, digest=digest_of_secret(secret),
            hint=secret[-4:], expires=timezone.now() + lasting, publisher=publisher, built_from=dict(built_from or {}),
        )  # fmt: skip
        AccessGrant.objects.bulk_create(AccessGrant.of(each, token=token) for each in grants)
    log.info("token_made", token=token.pk, name=name, expires=token.expires.isoformat(), who=who)
    return token, secret


def token_of(secret: str, address: str = "") -> tuple[Asker, ShownToken]:
    """Return who shows a token and what it allows, and note its use.

    Raise `TokenRefused`, `TokenExpired`, `TokenRevoked`.
    """
    token = None
    if may_be_token(secret):
        token = AccessToken.objects.select_related("owner").filter(digest=digest_of_secret(secret)).first()
    if token is None:
        raise TokenRefused("The token is not known here.", remedy="Make one in the admin, under Tokens.")
    if token.revoked is not None or not _may_sign_in(token.owner):
        raise TokenRevoked(f"The token {token} was revoked.", remedy="Make another one in the admin, under Tokens.")
    if not token.counts:
        raise TokenExpired(f"The token {token} has expired.", remedy="Make another one in the admin, under Tokens.")
    _note_use(token, address)
    who: Asker = token.owner if token.owner is not None else Machine(token.name)
    grants = frozenset(row.grant for row in token.grants.all())
    return who, ShownToken(token.pk, token.name, grants, of_publisher=token.publisher_id is not None)


def revoke(number: int, user: Asker | None, *, who: str = "") -> AccessToken:
    """Take a token back, at once; return it. Raise as `token_named`, and `RightMissing`.

    Who shows a token, and does not administer by it, takes back that one alone.
    """
    shown = shown_token()
    token = token_named(number, user)
    if shown is not None and shown.number != number and not rights_of(user).may(Action.ADMINISTER):
        raise right_missing(Action.ADMINISTER, "To revoke another token by a token")
    if AccessToken.objects.filter(pk=token.pk, revoked=None).update(revoked=timezone.now()):
        log.info("token_revoked", token=token.pk, name=token.name, user=user.get_username() if user else who)
    token.refresh_from_db()
    return token


def token_named(number: int, user: Asker | None) -> AccessToken:
    """Return the token of a number; raise `RecordNotFound` for one that is not there, or another's."""
    token = tokens_of(user).filter(pk=number).first()
    if token is None:
        raise RecordNotFound(f"There is no token {number} of yours.", remedy="See those that are listed.")
    return token


def tokens_of(user: Asker | None) -> QuerySet[AccessToken]:
    """Return the tokens that somebody may see and revoke: his own, all of who administers."""
    rows = AccessToken.objects.all()
    if own_rights(user).may(Action.ADMINISTER):
        return rows
    return rows.filter(owner_id=user.pk) if user is not None and user.pk is not None else rows.none()


def actions_for(owner: Asker) -> list[Action]:
    """Return what a token of somebody may be for: what he may do with some package himself."""
    rights = own_rights(owner)
    return [action for action in Action if rights.may_somewhere(action)]


def rights_of_token(token: AccessToken) -> Rights:
    """Return what a token allows now: within its owner's rights."""
    own = Rights.of(row.grant for row in token.grants.all())
    return own if token.owner is None else own_rights(token.owner).within(own)


def _may_sign_in(owner: AbstractBaseUser | None) -> bool:
    return owner is None or (isinstance(owner, PermissionsMixin) and owner.is_active)


def _note_use(token: AccessToken, address: str) -> None:
    now = timezone.now()
    if token.last_used is None or now - token.last_used > _SEEN_AGAIN or token.last_address != address[:64]:
        AccessToken.objects.filter(pk=token.pk).update(last_used=now, last_address=address[:64])
