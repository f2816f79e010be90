"""What a key is, whether clients take it, and until when: its kind refused with a code and a remedy where they do not.

gpgv of apt 2.6 knows version 4 alone. apt 3 checks with sqv, by the dates of its `default-sequoia.config` (apt 3.0.4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pysequoia import Cert
from pysequoia.packet import HashAlgorithm, Packet, PacketPile, PublicKeyAlgorithm, Tag

from packages_app.signing.bindings import SELF_SIGNATURES, end_of
from packages_app.signing.signer_errors import KeyExpired, KeySignedWeakly, KeyTooWeak, KeyUnsupported

_RSA = (PublicKeyAlgorithm.RSAEncryptSign, PublicKeyAlgorithm.RSASign)
_CURVES = {
    "2b06010401da470f01": "Ed25519",
    "2a8648ce3d030107": "NIST P-256",
    "2b81040022": "NIST P-384",
    "2b81040023": "NIST P-521",
    "2b2403030208010107": "Brainpool P-256",
    "2b240303020801010b": "Brainpool P-384",
    "2b240303020801010d": "Brainpool P-512",
}
_ALGORITHM_ENDS: Mapping[str, datetime] = {
    "RSA 2048": datetime(2030, 2, 1, tzinfo=UTC),
    "Brainpool": datetime(2028, 2, 1, tzinfo=UTC),
}
_SOUND_HASHES = (HashAlgorithm.SHA256, HashAlgorithm.SHA384, HashAlgorithm.SHA512)
KEY_WARNING, KIND_WARNING = timedelta(days=60), timedelta(days=365)
"""How long before the end of a key, and of its kind, people hear of it."""
_LEAST_RSA_BITS, _NEXT_RSA_BITS = 2048, 3072


@dataclass(frozen=True)
class KeyFacts:
    """What a certificate says of its primary key. Dates are UTC, None where there is none.

    `algorithm` is such as "Ed25519" or "RSA 3072". `expires` is when nothing of it signs any more,
    `algorithm_ends` when apt 3 stops taking it. `user_ids` say whose it is.
    """

    fingerprint: str
    algorithm: str
    made: datetime
    expires: datetime | None
    algorithm_ends: datetime | None
    user_ids: tuple[str, ...] = ()

    def ends_soon(self, now: datetime) -> str:
        """Return what ends before long, as a sentence; "" where nothing does.

        Clients need time to get what comes after: `KEY_WARNING` a prolonged key, `KIND_WARNING` another one.
        """
        if self.expires is not None and self.expires - now < KEY_WARNING:
            tense = "expires" if self.expires > now else "expired"
            return f"The signing key {self.fingerprint} {tense} on {self.expires:%Y-%m-%d}."
        if self.algorithm_ends is not None and self.algorithm_ends - now < KIND_WARNING:
            until = f"{self.algorithm_ends:%Y-%m-%d}"
            return f"The signing key {self.fingerprint} is {self.algorithm}, which apt 3 takes until {until} only."
        return ""


def key_facts(certificate: bytes) -> KeyFacts:
    """Return what a certificate says; raise as `check_kind`, and `KeyUnsupported` for one that is not valid now."""
    check_kind(certificate)
    found = Cert.from_bytes(certificate)
    primary = next(iter(PacketPile.from_bytes(certificate)))
    algorithm = _algorithm(primary)
    ends = next((date for name, date in _ALGORITHM_ENDS.items() if algorithm.startswith(name)), None)
    if primary.key_algorithm in _RSA and _rsa_bits(primary) < _NEXT_RSA_BITS:
        ends = _ALGORITHM_ENDS["RSA 2048"]
    made = primary.key_created or datetime.fromtimestamp(0, UTC)
    try:
        names = tuple(str(user_id) for user_id in found.user_ids)
    except Exception as error:  # pysequoia raises plain exceptions
        raise KeyUnsupported(
            f"The key {found.fingerprint.upper()} ({algorithm}, made {made:%Y-%m-%d %H:%M} UTC) is not valid now.",
            remedy="Look at this machine's clock where the key is from the future; use an Ed25519 key where it is of a"
            " kind that few know.",
        ) from error
    return KeyFacts(found.fingerprint.upper(), algorithm, made, end_of(found), ends, names)


def check_kind(certificate: bytes) -> None:
    """Raise `KeyUnsupported`, `KeyTooWeak` or `KeySignedWeakly` for a certificate that clients do not take.

    Of a signing subkey the algorithm is looked at too.
    """
    packets = list(PacketPile.from_bytes(certificate))
    named = (packets[0].fingerprint or "").upper()
    if packets[0].body[0] != 4:
        raise KeyUnsupported(
            f"The key {named} is of version {packets[0].body[0]}, which apt before 3 can't read.",
            remedy="Make one of version 4: gpg --quick-gen-key NAME ed25519 sign never, or keys add.",
        )
    for packet in packets:
        if packet.tag not in (Tag.PublicKey, Tag.SecretKey, Tag.PublicSubkey, Tag.SecretSubkey):
            continue
        short = packet.key_algorithm in _RSA and _rsa_bits(packet) < _LEAST_RSA_BITS
        if short or packet.key_algorithm == PublicKeyAlgorithm.DSA:
            raise KeyTooWeak(
                f"The key {named} is a {_algorithm(packet)} key, which apt 3 refuses.",
                remedy="Use an Ed25519 key, or RSA of 3072 bits or more; bring it to clients first: keys rotate.",
            )
    own = [packet for packet in packets if packet.tag == Tag.Signature and packet.signature_type in SELF_SIGNATURES]
    newest = max(own, key=lambda packet: packet.signature_created or datetime.fromtimestamp(0, UTC), default=None)
    if newest is not None and newest.hash_algorithm not in _SOUND_HASHES:
        raise KeySignedWeakly(
            f"The key {named} is bound to its name by SHA-1 or worse, which apt 3 refuses.",
            remedy="Sign it anew with gpg: --cert-digest-algo SHA512 --quick-set-expire KEYID never; then export it.",
        )


def check_key(certificate: bytes, now: datetime) -> KeyFacts:
    """Return the facts of a key that clients take now; raise as `check_kind`, and `KeyExpired`."""
    facts = key_facts(certificate)
    if facts.expires is not None and facts.expires <= now:
        raise KeyExpired(
            f"The key {facts.fingerprint} expired on {facts.expires:%Y-%m-%d}.",
            remedy="Prolong it (keys prolong, or gpg --quick-set-expire), and bring it to clients by the bootstrap"
            " package.",
        )
    return facts


def _algorithm(packet: Packet) -> str:
    """Return the name of a key's algorithm (RFC 9580, 9.1), with its length or curve."""
    if packet.key_algorithm in _RSA:
        return f"RSA {_rsa_bits(packet)}"
    if packet.key_algorithm == PublicKeyAlgorithm.DSA:
        return f"DSA {_rsa_bits(packet)}"
    curve = packet.body[7 : 7 + packet.body[6]].hex()
    return _CURVES.get(curve, str(packet.key_algorithm).rpartition(".")[2])


def _rsa_bits(packet: Packet) -> int:
    """Return the length of a key's first number (RFC 4880, 5.5.2)."""
    return int.from_bytes(packet.body[6:8])
