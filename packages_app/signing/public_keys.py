"""Public keys as those who keep the private ones tell them: SubjectPublicKeyInfo (RFC 5280, 4.1), DER or PEM."""

from __future__ import annotations

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

from packages_app.signing.packets import PublicKey
from packages_app.signing.signer_errors import KeyUnsupported, SignerFailed

_PEM = b"-----BEGIN"


def read_public_key(told: bytes, place: str) -> PublicKey:
    """Return the public key that was told; raise `SignerFailed` for what is none, `KeyUnsupported` for other kinds."""
    try:
        key = load_pem_public_key(told) if told.lstrip().startswith(_PEM) else load_der_public_key(told)
    except UnsupportedAlgorithm:
        key = None
    except ValueError:
        # What it is instead is not shown: it may be the private key.
        raise SignerFailed(
            f"What {place} tells is no public key.", remedy="It has to be SubjectPublicKeyInfo, as PEM or DER."
        ) from None
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey):
        return key
    raise KeyUnsupported(
        f"The key of {place} is of a kind that no OpenPGP signature for apt can be made with.",
        remedy="Use Ed25519, P-256, P-384, or RSA with 3072 bits.",
    )
