"""A token of an issuer for one of ours: of a trusted publisher, once, for some minutes, with his grants alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from packages_app.core.audit import Actor, ActorKind, present_actor
from packages_app.models import AccessToken, SpentIdentity, TrustedPublisher
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.audit.write import write
from packages_app.services.rights.tokens import keep_token
from packages_app.services.trusted.claims import NAMES, refusals, text, told
from packages_app.services.trusted.refusals import IdentityReplayed, NotTrusted
from packages_app.services.trusted.verify import LEEWAY, Claims, verified

LASTING = timedelta(minutes=15)


def audience() -> str:
    """Return for whom tokens must be: the address that clients of this archive use."""
    return present_archive().public_url


def exchange(token: str) -> tuple[AccessToken, str]:
    """Return a token of ours and its text, which is shown once, for that of an issuer.

    Raise `IdentityUnproven` (401) and `NotTrusted` (403) with their kinds, and `IssuerUnavailable`. Nothing is kept of
    what is refused.
    """
    publishers = list(TrustedPublisher.objects.prefetch_related("grants"))
    claims = verified(token, {publisher.issuer for publisher in publishers}, audience())
    publisher = _trusted([one for one in publishers if one.issuer == claims["iss"]], claims)
    with transaction.atomic():
        _spend(claims)
        _learn(publisher, claims)
        grants = [row.grant for row in publisher.grants.all()]
        built_from = told(publisher, claims)
        made, secret = keep_token(
            publisher.name, grants, owner=None, lasting=LASTING, publisher=publisher, built_from=built_from
        )
        acts = present_actor()
        actor = Actor(ActorKind.PUBLISHER, publisher.name, acts.address if acts else "", str(made.pk))
        write("publisher.exchange", subject=publisher.name, actor=actor, after={"built_from": built_from})
    return made, secret


def _trusted(publishers: Iterable[TrustedPublisher], claims: Claims) -> TrustedPublisher:
    """Return the publisher that a token is, one with an environment first.

    Raise what the one is refused by that comes nearest: whose checks hold the longest.
    """
    nearest, refused = -1, NotTrusted
    for publisher in sorted(publishers, key=lambda one: (not one.environment, one.pk)):
        failing = next(((held, refusal) for held, (holds, refusal) in enumerate(refusals(publisher, claims))
                        if not holds), None)  # fmt: skip
        if failing is None:
            return publisher
        if failing[0] > nearest:
            nearest, refused = failing
    meaning = (refused.__doc__ or "").split("\n")[0]
    raise refused(
        f"The token is of no trusted publisher. {meaning}",
        remedy="Compare its claims with the publisher in the admin, under Trusted publishers.",
    )


def _spend(claims: Claims) -> None:
    """Note that a token is used; raise `IdentityReplayed` where it was before."""
    digest = hashlib.sha256(f"{claims['iss']}\n{claims['jti']}".encode()).hexdigest()
    expires = datetime.fromtimestamp(claims["exp"], UTC) + 2 * LEEWAY
    try:
        with transaction.atomic():
            SpentIdentity.objects.create(digest=digest, expires=expires)
    except IntegrityError as error:
        raise IdentityReplayed(
            "The token was exchanged before.", remedy="Ask the issuer for another one; use what it was exchanged for."
        ) from error


def _learn(publisher: TrustedPublisher, claims: Claims) -> None:
    """Note the use, and the numbers of repository and owner with the first one; raise as `_trusted`.

    They are learned under the condition that nobody has learned others meanwhile.
    """
    row = TrustedPublisher.objects.select_for_update().filter(pk=publisher.pk).first()
    if row is None:
        raise NotTrusted("The publisher was removed.", remedy="Add it again in the admin.")
    if row.kind != TrustedPublisher.Kind.OTHER:
        names = NAMES[TrustedPublisher.Kind(row.kind)]
        _trusted([row], claims)
        row.repository_id, row.owner_id = text(claims, names["id"]), text(claims, names["owner"])
    row.last_used = adapters.now()
    row.save(update_fields=["repository_id", "owner_id", "last_used"])
