"""What an issuer says of somebody, believed only where its signature and each claim that binds it are right.

OpenID Connect Core 1.0, 3.1.3.7. The token comes from the issuer by a channel of our own; its signature is checked all
the same, so that no proxy in between speaks for the issuer.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import jwt

from packages_app.services.sign_in.single_sign_on import LEEWAY_SECONDS, LONGEST_SUBJECT

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures by a private key: what is sealed by a secret that both know, or by nothing, is none."""
_REQUIRED = ("iss", "sub", "aud", "exp", "iat")


class BadIdToken(Exception):
    """A token that says nothing: `claim` is what of it is wrong."""

    def __init__(self, claim: str) -> None:
        super().__init__(claim)
        self.claim = claim


_CLAIMS: Mapping[type[Exception], str] = {
    jwt.InvalidIssuerError: "iss",
    jwt.InvalidAudienceError: "aud",
    jwt.ExpiredSignatureError: "exp",
    jwt.ImmatureSignatureError: "iat",
    jwt.InvalidAlgorithmError: "alg",
    jwt.InvalidSignatureError: "signature",
}


def claims_of(token: str, keys: Mapping[str, Any], *, issuer: str, audience: str, nonce: str) -> dict[str, Any]:
    """Return the claims of an ID token that one of an issuer's keys (RFC 7517) has signed for this sign-in.

    Raise `BadIdToken`.
    """
    try:
        key = _key_of(token, keys)
        claims: dict[str, Any] = jwt.decode(
            token, key, list(ALGORITHMS), {"require": list(_REQUIRED)}, issuer=issuer, audience=audience,
            leeway=LEEWAY_SECONDS,
        )  # fmt: skip
    except jwt.MissingRequiredClaimError as error:
        raise BadIdToken(error.claim) from error
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
        raise BadIdToken(next((claim for kind, claim in _CLAIMS.items() if isinstance(error, kind)), "form")) from error
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if ("azp" in claims or several) and claims.get("azp") != audience:
        raise BadIdToken("azp")
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()) or not nonce:
        raise BadIdToken("nonce")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise BadIdToken("sub")
    return claims


def _key_of(token: str, keys: Mapping[str, Any]) -> jwt.PyJWK:
    """Return the key that a token names, or the issuer's only one where it names none."""
    wanted = jwt.get_unverified_header(token).get("kid")
    usable = [key for key in jwt.PyJWKSet.from_dict(dict(keys)).keys if key.public_key_use in (None, "sig")]
    found = [key for key in usable if key.key_id == wanted] if wanted is not None else usable
    if len(found) != 1:
        raise BadIdToken("kid")
    return found[0]
