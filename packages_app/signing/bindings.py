"""What a certificate says of its own keys: what each may do, and until when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from packages_app.signing.packets import KeyPacket, keys_of

SELF_SIGNATURES = (
    SignatureType.DirectKey,
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)
"""What says of a primary key what it may do, and until when."""
BINDINGS = (*SELF_SIGNATURES, SignatureType.SubkeyBinding)
"""What says what a key may do, and until when."""


def end_of(certificate: Cert) -> datetime | None:
    """Return when nothing of a certificate signs any more: its own end, or that of the last subkey that signs."""
    held = bytes(certificate)
    ends = [] if primary_signs(held) else [end for _, end in signing_subkeys(held)]
    last = max((end for end in ends if end is not None), default=None) if None not in ends else None
    return min((end for end in (certificate.expiration, last) if end is not None), default=None)


def signatures_about(key: KeyPacket, certificate: bytes) -> list[Packet]:
    """Return the signatures that a certificate has about one of its keys; of the primary's, those of User IDs too."""
    primary = next(keys_of(certificate)).fingerprint
    found: list[Packet] = []
    about = None
    for each in PacketPile.from_bytes(certificate):
        if each.tag in (Tag.PublicKey, Tag.PublicSubkey):
            about = each.body
        elif each.tag == Tag.Signature and about == key.body and is_by(each, primary):
            found.append(each)
    return found


def is_by(signature: Packet, fingerprint: str) -> bool:
    """Return whether a signature says to be by this key, and not by a third party."""
    issuer = (signature.issuer_fingerprint or signature.issuer_key_id or "").upper()
    return bool(issuer) and fingerprint.endswith(issuer)


def newest_binding(key: KeyPacket, about: list[Packet]) -> Packet | None:
    """Return the newest of the signatures that say what a key may do, and until when."""
    kinds = SELF_SIGNATURES if key.primary else (SignatureType.SubkeyBinding,)
    binding = [each for each in about if each.signature_type in kinds]
    return max(binding, key=lambda each: each.signature_created or key.created, default=None)


def subkey_end(key: KeyPacket, certificate: bytes) -> datetime | None:
    """Return when a subkey ends; None where it does not, and for a primary key, whose certificate tells it."""
    newest = None if key.primary else newest_binding(key, signatures_about(key, certificate))
    return key.created + newest.key_validity_period if newest and newest.key_validity_period else None


def primary_signs(certificate: bytes) -> bool:
    """Return whether the primary key of a certificate may sign, by the newest of what it says of itself."""
    primary = next(keys_of(certificate))
    newest = newest_binding(primary, signatures_about(primary, certificate))
    return newest is None or newest.key_flags is None or newest.key_flags.signing


def signing_subkeys(certificate: bytes) -> Iterator[tuple[str, datetime | None]]:
    """Yield the fingerprint of each subkey of a certificate that may sign and is not revoked, and when it ends."""
    for key in keys_of(certificate):
        about = [] if key.primary else signatures_about(key, certificate)
        newest = newest_binding(key, about)
        revoked = any(each.signature_type == SignatureType.SubkeyRevocation for each in about)
        if newest is not None and newest.key_flags is not None and newest.key_flags.signing and not revoked:
            yield key.fingerprint, subkey_end(key, certificate)
