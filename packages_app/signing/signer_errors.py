"""What can be wrong with a signing key, whoever keeps it, and with the certificate that goes with it."""

from __future__ import annotations

from packages_app.core.errors import RepomgrError, SigningKeyError
from packages_app.core.outcome import Outcome


class SignerAddressRefused(SigningKeyError):
    """SIGNING_KEY is an address of no kind that is known, or lacks what its kind needs."""

    code = "bad_signer_address"
    outcome = Outcome.REFUSED


class CertificateRefused(SigningKeyError):
    """SIGNING_CERTIFICATE is missing, or is not one OpenPGP certificate."""

    code = "bad_signing_certificate"
    outcome = Outcome.REFUSED


class CertificateLacksKey(SigningKeyError):
    """The certificate holds other keys than the one that SIGNING_KEY names."""

    code = "certificate_lacks_key"


class CertificateExpired(SigningKeyError):
    """The certificate has expired, so that clients refuse what is signed now."""

    code = "signing_certificate_expired"


class CertificateRevoked(SigningKeyError):
    """The certificate, or the signing key in it, is revoked."""

    code = "signing_certificate_revoked"


class KeyUnsupported(SigningKeyError):
    """The signing key is of a version or a kind that not all clients read, or may not sign."""

    code = "signing_key_unsupported"
    outcome = Outcome.REFUSED


class KeyLocked(SigningKeyError):
    """The signing key waits for a passphrase or PIN that nobody is there to type, or was given a wrong one."""

    code = "signing_key_locked"
    outcome = Outcome.REFUSED


class KeyTooWeak(SigningKeyError):
    """A key's algorithm, or its length, is one that clients refuse."""

    code = "key_too_weak"
    outcome = Outcome.REFUSED


class KeySignedWeakly(SigningKeyError):
    """A key's signature of itself is by SHA-1 or worse."""

    code = "key_signed_weakly"
    outcome = Outcome.REFUSED


class KeyExpired(SigningKeyError):
    """A key's validity has ended."""

    code = "key_expired"
    outcome = Outcome.REFUSED


class KeyMissing(SigningKeyError):
    """Whoever keeps the signing key has none of that name."""

    code = "signing_key_missing"


class KeyDisabled(SigningKeyError):
    """The signing key is disabled, or waits to be deleted."""

    code = "signing_key_disabled"


class KeyDenied(SigningKeyError):
    """Whoever keeps the signing key does not let us use it."""

    code = "signing_key_denied"


class SignerProgramMissing(SigningKeyError):
    """The program or the module that signs is not installed here, or can't be run."""

    code = "signer_program_missing"


class SignerFailed(SigningKeyError):
    """What signs failed, or gave what is no signature by the key in the certificate."""

    code = "signer_failed"


class SignerUnavailable(RepomgrError):
    """Whoever keeps the signing key did not answer after all retries."""

    code = "signer_unavailable"
    outcome = Outcome.TRY_AGAIN
