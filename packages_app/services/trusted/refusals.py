"""Why a token of an issuer is not exchanged: each reason with a code of its own."""

from __future__ import annotations

from packages_app.core.errors import RepomgrError
from packages_app.core.outcome import Outcome


class IdentityUnproven(RepomgrError):
    """A token proves nothing: it is none, or not from whom it says."""

    code = "oidc_malformed"
    outcome = Outcome.REFUSED


class AlgorithmRefused(IdentityUnproven):
    """A token is signed in a way that is not taken, or not at all."""

    code = "oidc_algorithm"


class IssuerUnknown(IdentityUnproven):
    """A token is of an issuer that no trusted publisher has."""

    code = "oidc_issuer_unknown"


class KeyUnknown(IdentityUnproven):
    """A token is signed by a key that its issuer does not have."""

    code = "oidc_key_unknown"


class SignatureWrong(IdentityUnproven):
    """A token's signature is not that of its issuer's key."""

    code = "oidc_signature"


class IdentityExpired(IdentityUnproven):
    """A token's time is over."""

    code = "oidc_expired"


class IdentityTooEarly(IdentityUnproven):
    """A token's time has not begun."""

    code = "oidc_too_early"


class IdentityTooLong(IdentityUnproven):
    """A token lasts longer than one is remembered."""

    code = "oidc_too_long"


class WrongAudience(IdentityUnproven):
    """A token is meant for somebody else, or for others too."""

    code = "oidc_audience"


class ClaimMissing(IdentityUnproven):
    """A token lacks a claim without which it is not looked at."""

    code = "oidc_claim_missing"


class IdentityReplayed(IdentityUnproven):
    """A token was exchanged before."""

    code = "oidc_replayed"


class IssuerUnavailable(RepomgrError):
    """An issuer does not tell its keys."""

    code = "oidc_issuer_unavailable"
    outcome = Outcome.TRY_AGAIN
    retry_after = 10


class NotTrusted(RepomgrError):
    """A sound token is not that of a trusted publisher."""

    code = "oidc_not_trusted"
    outcome = Outcome.REFUSED


class WrongRepository(NotTrusted):
    """It is of another repository."""

    code = "oidc_repository"


class WrongOwner(NotTrusted):
    """The repository, or its owner, is another one of the same name."""

    code = "oidc_owner"


class WrongWorkflow(NotTrusted):
    """It is of another workflow."""

    code = "oidc_workflow"


class WrongRef(NotTrusted):
    """It is of another branch or tag."""

    code = "oidc_ref"


class UnprotectedRef(NotTrusted):
    """Its branch or tag is one that anybody with access may push to."""

    code = "oidc_unprotected_ref"


class WrongEnvironment(NotTrusted):
    """It is of another environment, or of none."""

    code = "oidc_environment"


class WrongEvent(NotTrusted):
    """Somebody who may not write to the repository may have started it."""

    code = "oidc_event"


class WrongClaim(NotTrusted):
    """One of the claims that must be equal is not."""

    code = "oidc_claim"


UNPROVEN = tuple(
    kind.code
    for kind in (
        IdentityUnproven, AlgorithmRefused, IssuerUnknown, KeyUnknown, SignatureWrong, IdentityExpired,
        IdentityTooEarly, IdentityTooLong, WrongAudience, ClaimMissing, IdentityReplayed,
    )
)  # fmt: skip
"""Codes of what proves nothing (401)."""
UNTRUSTED = tuple(
    kind.code
    for kind in (
        NotTrusted, WrongRepository, WrongOwner, WrongWorkflow, WrongRef, UnprotectedRef, WrongEnvironment, WrongEvent,
        WrongClaim,
    )
)  # fmt: skip
"""Codes of what is proven, and not trusted (403)."""
