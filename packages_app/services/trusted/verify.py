"""Whether a token is its issuer's, for us, and of now (RFC 7519; RFC 8725, 3: algorithms, audience, issuer)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, cast

import jwt

from packages_app.core.storable_text import storable_json
from packages_app.services import adapters
from packages_app.services.trusted.keys import changed_key, key_of
from packages_app.services.trusted.refusals import (
    AlgorithmRefused,
    ClaimMissing,
    IdentityExpired,
    IdentityTooEarly,
    IdentityTooLong,
    IdentityUnproven,
    IssuerUnknown,
    SignatureWrong,
    WrongAudience,
)
from packages_app.sources.issuer_keys import Key

Claims = dict[str, Any]

ALGORITHMS = {"RS256": "RSA", "ES256": "EC"}
"""Signatures that are taken, with the kind of their keys; no secret that both sides know, and none at all."""
LEEWAY = timedelta(seconds=30)
LONGEST = timedelta(days=1)
LONGEST_TOKEN = 16 * 1024
"""Characters; GitHub's and GitLab's have some 2000."""
_NEEDED = ("iss", "aud", "sub", "exp", "iat", "jti")
_TIMES = ("exp", "iat", "nbf")
_BROKEN = (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError)


def verified(token: str, issuers: Collection[str], audience: str) -> Claims:
    """Return the claims of a token of one of the issuers that are configured, meant for this audience alone.

    What the token says decides nothing before its signature is checked, but which of these issuers it is held to.
    Raise `IdentityUnproven` and its kinds, `IssuerUnavailable`.
    """
    issuer, algorithm, kid = _said(token)
    if algorithm not in ALGORITHMS:
        raise AlgorithmRefused(
            "The token is not signed by RS256 or ES256.", remedy="Show the token as the issuer gave it."
        )
    if issuer not in issuers:
        raise IssuerUnknown(
            "The token is of an issuer that no trusted publisher has.",
            remedy="Add the publisher in the admin, under Trusted publishers.",
        )
    key = key_of(issuer, kid)
    try:
        claims = _decoded(token, key, algorithm, issuer, audience)
    except (SignatureWrong, AlgorithmRefused):
        changed = changed_key(issuer, kid, key)
        if changed is None:
            raise
        claims = _decoded(token, changed, algorithm, issuer, audience)
    if claims["exp"] > (adapters.now() + LONGEST).timestamp():
        raise IdentityTooLong("The token lasts for more than a day.", remedy="Let the issuer give shorter ones.")
    return claims


def _said(token: str) -> tuple[str, str, str]:
    """Return the issuer, algorithm and key that a token names; nothing of it is believed."""
    try:
        if len(token) > LONGEST_TOKEN:
            raise ValueError("too long")
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
        said = claims.get("iss"), header.get("alg"), header.get("kid")
        issuer, algorithm, kid = (each if isinstance(each, str) else "" for each in said)
    except _BROKEN as error:
        raise _malformed() from error
    return issuer, algorithm, kid


def _decoded(token: str, key: Key, algorithm: str, issuer: str, audience: str) -> Claims:
    if key["kty"] != ALGORITHMS[algorithm] or key.get("alg", algorithm) != algorithm:
        raise AlgorithmRefused(
            "The token names a key of another kind than its signature.", remedy="Show the token as the issuer gave it."
        )
    try:
        claims = storable_json(jwt.decode(
            token, jwt.PyJWK(key, algorithm=algorithm), algorithms=[algorithm], audience=audience, issuer=issuer,
            leeway=LEEWAY, options={"require": [*_NEEDED], "strict_aud": True},
        ))  # fmt: skip
        if not claims["jti"]:
            raise jwt.MissingRequiredClaimError("jti")
        if any(type(claims.get(name, 0)) not in (int, float) for name in _TIMES):  # PyJWT takes "1" and true for one
            raise ValueError("no time")
        return cast("Claims", claims)
    except jwt.InvalidSignatureError as error:
        raise SignatureWrong("The token's signature is wrong.", remedy="Show it as the issuer gave it.") from error
    except jwt.ExpiredSignatureError as error:
        raise IdentityExpired("The token has expired.", remedy="Ask for one just before it is shown.") from error
    except jwt.ImmatureSignatureError as error:
        raise IdentityTooEarly("The token's time has not begun.", remedy="Set the clocks of both sides.") from error
    except jwt.InvalidAudienceError as error:
        raise WrongAudience(
            f"The token is not for {audience} alone.", remedy=f"Ask for one with the audience {audience}."
        ) from error
    except jwt.MissingRequiredClaimError as error:
        raise ClaimMissing(f"The token has no claim {error.claim}.", remedy="See what the issuer gives.") from error
    except _BROKEN as error:
        raise _malformed() from error


def _malformed() -> IdentityUnproven:
    return IdentityUnproven("This is no token of an issuer.", remedy='Send {"token": "…"} as the issuer gave it.')
