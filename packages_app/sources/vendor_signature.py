"""A vendor's signature over a package: an X.509 certificate, RSA (PKCS#1 v1.5 or PSS) or ECDSA over SHA-256."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256

from packages_app.core.errors import SignatureRefused

_UNUSABLE = (ValueError, TypeError, OverflowError, UnsupportedAlgorithm, x509.InvalidVersion)
"""What cryptography raises at a certificate that it can't make anything of."""
_LEAST_RSA_BITS = 2048
_PREHASHED = Prehashed(SHA256())
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}\Z")


def plain_fingerprint(text: str) -> str:
    """Return a SHA-256 fingerprint as 64 lower-case hex digits, or "" when it is none; colons and spaces dropped."""
    digits = re.sub(r"[:\s]", "", text).lower()
    return digits if re.fullmatch(r"[0-9a-f]{64}", digits) else ""


@dataclass(frozen=True)
class Signed:
    """Who signed a file: a line that names him, and the fingerprint of his certificate."""

    by: str
    fingerprint: str


def check_vendor_signature(
    sha256: str,
    certificate: bytes,
    signature: bytes,
    *,
    pinned: Collection[str],
    known: Collection[str],
    now: datetime,
) -> Signed:
    """Check a signature over a file of this SHA-256 (hex); return who made it.

    The certificate's fingerprint must be one of those `pinned`; where none is, one of those `known` to have signed
    before; where none is either, it is the first, and trusted. It must be valid now: a date of the feed, which nothing
    signs, revives none. Raise `SignatureRefused` that says what is wrong.
    """
    found = _certificate(certificate)
    try:
        return _checked(found, sha256, signature, pinned, known, now)
    except _UNUSABLE as error:  # what is not looked at before it is asked for: the key, the curve, names, dates
        raise _refused(f"the certificate can't be used: {error}") from error


def _checked(
    found: x509.Certificate, sha256: str, signature: bytes, pinned: Collection[str], known: Collection[str],
    now: datetime,
) -> Signed:  # fmt: skip
    fingerprint = found.fingerprint(SHA256()).hex()
    if pinned and fingerprint not in pinned:
        raise _refused(f"the certificate's fingerprint is {fingerprint}, the definition pins {' or '.join(pinned)}")
    if not pinned and known and fingerprint not in known:
        raise SignatureRefused(
            f"The vendor's certificate is another one: its fingerprint is {fingerprint}, "
            f"all before were signed by {' or '.join(sorted(known))}. Nothing is taken in until somebody decides.",
            remedy="Ask the vendor, not by the same feed; if he did change it, write the new fingerprint as "
            "certificate_fingerprint into the definition.",
        )
    if not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        first, last = found.not_valid_before_utc, found.not_valid_after_utc
        raise _refused(f"the certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    digest = bytes.fromhex(sha256)
    if not any(_verifies(found, form, digest) for form in _forms(signature)):
        raise _refused("the signature does not fit the file and the certificate")
    by = f"signed by {found.subject.rfc4514_string()} (certificate {fingerprint})"
    on_trust = "" if pinned or known else ", trusted on first use: pin it as certificate_fingerprint in the definition"
    return Signed(by + on_trust, fingerprint)


def _certificate(body: bytes) -> x509.Certificate:
    try:
        if b"-----BEGIN" in body:
            return x509.load_pem_x509_certificate(body)
        return x509.load_der_x509_certificate(body)
    except _UNUSABLE as error:
        raise _refused("the certificate is neither PEM nor DER") from error


def _forms(signature: bytes) -> list[bytes]:
    """Return the signature as it is, and decoded where it may be base64 text."""
    forms = [signature]
    text = b"".join(signature.split())
    if _BASE64.match(text):
        with suppress(binascii.Error):  # bytes that happen to look like text
            forms.append(base64.b64decode(text, validate=True))
    return forms


def _verifies(certificate: x509.Certificate, signature: bytes, digest: bytes) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < _LEAST_RSA_BITS:
            raise _refused(f"the certificate's RSA key has {key.key_size} bits, {_LEAST_RSA_BITS} are needed")
        pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.AUTO)
        return any(_rsa_verifies(key, signature, digest, scheme) for scheme in (padding.PKCS1v15(), pss))
    if isinstance(key, ec.EllipticCurvePublicKey):
        try:
            key.verify(signature, digest, ec.ECDSA(_PREHASHED))
        except InvalidSignature:
            return False
        return True
    raise _refused(f"the certificate's key is a {type(key).__name__}; RSA and ECDSA are understood")


def _rsa_verifies(
    key: rsa.RSAPublicKey, signature: bytes, digest: bytes, scheme: padding.PKCS1v15 | padding.PSS
) -> bool:
    try:
        key.verify(signature, digest, scheme, _PREHASHED)
    except InvalidSignature:
        return False
    return True


def _refused(why: str) -> SignatureRefused:
    return SignatureRefused(
        f"The vendor's signature is refused: {why}.",
        remedy="Compare with what the vendor announces; change the definition only when the vendor changed on purpose.",
    )
