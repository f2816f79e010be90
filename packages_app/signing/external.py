"""Signatures by a key that others keep: an agent, a token, a service. They sign a digest; the packets are ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from pysequoia import ArmorKind, Cert, armor
from pysequoia.packet import HashAlgorithm, PacketPile, SignatureType, Tag
from tenacity import retry_if_exception_type

from packages_app.core.retry import SERVER, retrying
from packages_app.signing.armor import (
    armored_signature,
    canonical,
    clear_form_refusal,
    clear_message,
    dash_escaped,
    detached_form_refusal,
)
from packages_app.signing.bindings import newest_binding, signatures_about, subkey_end
from packages_app.signing.openpgp import verified_text
from packages_app.signing.packets import (
    KeyPacket,
    Kind,
    PublicKey,
    Unsigned,
    hash_for,
    keys_of,
    packet,
    public_key_of,
    unsigned,
)
from packages_app.signing.signer_errors import (
    CertificateExpired,
    CertificateLacksKey,
    CertificateRefused,
    CertificateRevoked,
    KeySignedWeakly,
    KeyUnsupported,
    SignerFailed,
    SignerUnavailable,
)

asked_again = retrying(SERVER, retry_if_exception_type(SignerUnavailable))
"""Asks whoever keeps a key again while there is no answer; a key that is locked or refused is asked for once."""
_SAMPLE = b"Origin: sample\n- Suite: sample\n"
_HASHES = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}
_V4_BYTES = 20


class ExternalKey(Protocol):
    """A private key that never comes to us."""

    @property
    def place(self) -> str:
        """Where the key is, for people: no secret."""
        ...

    def public_key(self) -> PublicKey:
        """Return its public half; raise errors of `signer_errors`."""
        ...

    def made(self) -> datetime | None:
        """Return when it was made, where whoever keeps it can tell."""
        ...

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """Return the raw signature of a digest by `sha256`, `sha384` or `sha512`; raise errors of `signer_errors`.

        It is RSA's number by PKCS#1 v1.5, as many bytes as the modulus; ECDSA's two in DER (RFC 3279, 2.2.3); Ed25519's
        64 bytes, of the digest as the message (RFC 8032).
        """
        ...


class ExternalSigner:
    """Signs with a key of others that a certificate holds, as primary or subkey; fulfils `core.ports.Signer`."""

    def __init__(self, key: ExternalKey, certificates: bytes, *, clock: Callable[[], datetime] | None = None) -> None:
        """Take the one of some certificates, armored or not, that holds the key.

        Raise `CertificateRefused`, `CertificateLacksKey` and `KeyUnsupported`, and what the key raises.
        """
        self._key, self._clock = key, clock or _now
        self._public = key.public_key()
        self._hash = hash_for(self._public)
        self._certificate, self._packet = _holder_of(self._public, certificates_in(certificates), key.place)

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint, upper-case hex."""
        return self._certificate.fingerprint.upper()

    @property
    def signing_key(self) -> str:
        """The fingerprint of the key that signs, upper-case hex: the primary's or a subkey's."""
        return self._packet.fingerprint

    @property
    def expires(self) -> datetime | None:
        """When certificate or signing subkey stops being valid, whichever is first, or None."""
        ends = [_end_of(self._certificate), subkey_end(self._packet, bytes(self._certificate))]
        return min((end for end in ends if end is not None), default=None)

    def sign_clear(self, text: bytes) -> bytes:
        """Return the InRelease form: the text with a cleartext signature around it.

        The newline before the signature is no part of what is signed. One of our own stands there, so that the text's
        last newline is signed.
        """
        return clear_message(dash_escaped(text) + b"\n", [self._signature(Kind.TEXT, canonical(text))])

    def sign_detached(self, text: bytes) -> bytes:
        """Return the Release.gpg form: an armored detached signature."""
        return armored_signature([self._signature(Kind.BINARY, text)])

    def public_keyring(self) -> bytes:
        """Return the public certificate, binary."""
        return bytes(self._certificate)

    def public_armored(self) -> bytes:
        """Return the public certificate, ASCII-armored."""
        return armor(bytes(self._certificate), ArmorKind.PublicKey).encode()

    def prove(self) -> None:
        """Sign a sample and check it; raise an error of `signer_errors` for a key that clients would refuse."""
        self._check_certificate()
        signed, detached = self.sign_clear(_SAMPLE), self.sign_detached(_SAMPLE)
        fault = clear_form_refusal(signed, _SAMPLE) or detached_form_refusal(detached, _SAMPLE)
        if fault or verified_text(signed, self.public_keyring()) != _SAMPLE:
            raise KeyUnsupported(
                f"What {self._packet.fingerprint} signs can't be verified by its certificate.",
                remedy="Make the certificate anew (manage.py make_certificate), or see to it that its signatures are"
                " valid now and not made by SHA-1.",
            )

    def _check_certificate(self) -> None:
        self._check_time()
        about = signatures_about(self._packet, bytes(self._certificate))
        if self._certificate.is_revoked or any(each.signature_type == SignatureType.SubkeyRevocation for each in about):
            raise CertificateRevoked(
                f"The certificate of {self.fingerprint}, or its signing key {self._packet.fingerprint}, is revoked.",
                remedy="Give SIGNING_KEY another key, once clients have it.",
            )
        newest = newest_binding(self._packet, about)
        if newest is not None and newest.hash_algorithm in (HashAlgorithm.SHA1, HashAlgorithm.MD5):
            raise KeySignedWeakly(
                f"The certificate binds {self._packet.fingerprint} by SHA-1, which apt 3 refuses.",
                remedy="Renew its self-signatures: with gpg set the expiry anew, with cert-digest-algo SHA512.",
            )
        if newest is None or not (newest.key_flags is None or newest.key_flags.signing):
            raise KeyUnsupported(
                f"The key {self._packet.fingerprint} may not sign, as its certificate says.",
                remedy="Name a signing key or subkey by SIGNING_KEY, or make the certificate anew.",
            )

    def _check_time(self) -> None:
        if self.expires is not None and self.expires <= self._clock():
            raise CertificateExpired(
                f"The certificate of {self.fingerprint} expired on {self.expires:%Y-%m-%d}.",
                remedy="Renew it by manage.py make_certificate, which keeps its fingerprint (or with gpg), set"
                " SIGNING_CERTIFICATE, and build the next bootstrap package.",
            )

    def _signature(self, kind: Kind, data: bytes) -> bytes:
        self._check_time()
        wanted = unsigned(kind, self._packet, self._hash, self._clock())
        return packet(2, sign_packet(self._key, self._public, wanted, data))


def sign_packet(key: ExternalKey, public: PublicKey, wanted: Unsigned, data: bytes) -> bytes:
    """Return the body of a signature's packet that a key has made of some data; raise `SignerFailed` for a bad one."""
    digest = wanted.digest(data)
    raw = key.sign(digest, wanted.hash_name)
    if not _is_good(public, raw, digest, wanted.hash_name):
        raise SignerFailed(
            f"What {key.place} gives is no signature by its key.",
            remedy="See that it signs the digest that it is given, and gives the raw signature alone (docs/KEYS.md).",
        )
    return wanted.body(digest, raw)


def certificates_in(given: bytes) -> list[Cert]:
    """Return the OpenPGP certificates that some bytes are, armored or not; raise `CertificateRefused`.

    What has a secret key in it is none. `KeyUnsupported` for others than of version 4: those alone apt 2.6 reads.
    """
    try:
        found = Cert.split_bytes(given)
        secret = any(each.tag in (Tag.SecretKey, Tag.SecretSubkey) for each in PacketPile.from_bytes(given))
    except Exception:  # pysequoia raises plain exceptions; what is no certificate may be a secret, and is not shown
        found, secret = [], False
    if not found:
        raise CertificateRefused(
            "SIGNING_CERTIFICATE is no OpenPGP certificate.",
            remedy="Make one by manage.py make_certificate, or give what `gpg --armor --export FINGERPRINT` prints.",
        )
    if secret:
        raise CertificateRefused(
            f"SIGNING_CERTIFICATE holds the secret key of {found[0].fingerprint.upper()}.",
            remedy="Give the public certificate alone: `gpg --armor --export FINGERPRINT`.",
        )
    for each in found:
        if len(each.fingerprint) != 2 * _V4_BYTES:
            raise KeyUnsupported(
                f"The certificate {each.fingerprint.upper()} is of version 6, which apt before 3.0 can't read.",
                remedy="Make one of version 4: manage.py make_certificate does.",
            )
    return found


def one_certificate(given: bytes) -> bytes:
    """Return the one certificate that some bytes are, binary; raise `CertificateRefused` for none and for several."""
    found = certificates_in(given)
    if len(found) > 1:
        raise CertificateRefused(
            f"There are {len(found)} certificates where one was expected.", remedy="Name a file with one of them."
        )
    return bytes(found[0])


def _holder_of(public: PublicKey, certificates: list[Cert], place: str) -> tuple[Cert, KeyPacket]:
    """Return the certificate that holds a public key, and the key's packet in it."""
    for certificate in certificates:
        for each in keys_of(bytes(certificate)):
            if public_key_of(each) == public:
                return certificate, each
    named = ", ".join(each.fingerprint.upper() for each in certificates)
    raise CertificateLacksKey(
        f"The key of {place} is not in the certificate {named}.",
        remedy="Set SIGNING_CERTIFICATE to the certificate that was made for this key (manage.py make_certificate).",
    )


def _end_of(certificate: Cert) -> datetime | None:
    """Return when a certificate ends; None where it does not, or none of its signatures is believed at all."""
    try:
        return certificate.expiration
    except Exception:  # pysequoia raises plain exceptions
        return None


def _is_good(public: PublicKey, raw: bytes, digest: bytes, hash_name: str) -> bool:
    try:
        if isinstance(public, rsa.RSAPublicKey):
            public.verify(raw, digest, padding.PKCS1v15(), Prehashed(_HASHES[hash_name]))
        elif isinstance(public, ec.EllipticCurvePublicKey):
            public.verify(raw, digest, ec.ECDSA(Prehashed(_HASHES[hash_name])))
        else:
            public.verify(raw, digest)
    except (InvalidSignature, ValueError):
        return False
    return True


def _now() -> datetime:
    return datetime.now(UTC)
