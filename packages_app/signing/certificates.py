"""The OpenPGP certificate of a key that others keep: made once, since its time of making is in its fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pysequoia import ArmorKind, armor
from pysequoia.packet import PacketPile, Tag

from packages_app.signing.bindings import BINDINGS, is_by, primary_signs
from packages_app.signing.external import ExternalKey, one_certificate, sign_packet
from packages_app.signing.packets import (
    HASHES,
    KeyPacket,
    Kind,
    PublicKey,
    hash_for,
    key_packet,
    keys_of,
    packet,
    public_key_of,
    subpacket,
    unsigned,
)
from packages_app.signing.signer_errors import CertificateLacksKey

_CERTIFY, _SIGN = 0x01, 0x02
_LONGEST = 0xFFFFFFFF
_AES = bytes([9, 8, 7])
"""AES with 256, 192 and 128 bits (RFC 9580, 9.3): nobody encrypts to this key, and implementations want some."""
_HASH_ORDER = bytes(sorted(HASHES.values(), reverse=True))


def self_signed(key: ExternalKey, user_id: str, *, now: datetime, expires: datetime | None) -> bytes:
    """Return a new certificate, armored: the key is its primary, certifies and signs. It is the key's only one."""
    public = key.public_key()
    primary = key_packet(public, key.made() or now, primary=True)
    name = user_id.encode()
    return _armored(
        primary.packet,
        packet(13, name),
        packet(2, _certified(key, public, primary, name, now=now, expires=expires)),
    )


def renewed(key: ExternalKey, certificate: bytes, *, now: datetime, expires: datetime | None) -> bytes:
    """Return a certificate with another expiry, armored; fingerprint, User IDs and what the key may do stay.

    Raise `CertificateLacksKey` where the key is not its primary: only that can say so.
    """
    held = one_certificate(certificate)
    public = key.public_key()
    primary = next(keys_of(held))
    _check_is(primary, public, key)
    names = [each.body for each in PacketPile.from_bytes(held) if each.tag == Tag.UserID]
    may = _CERTIFY | (_SIGN if primary_signs(held) else 0)
    fresh = {
        name: packet(2, _certified(key, public, primary, name, now=now, expires=expires, may=may)) for name in names
    }
    return _with_fresh(held, {primary.body: b"", **fresh})


def with_subkey(
    primary_key: ExternalKey, certificate: bytes, key: ExternalKey, *, now: datetime, expires: datetime | None
) -> bytes:
    """Return a certificate, armored, that holds a key as its signing subkey, bound by its primary key and by itself.

    A subkey that is there already is bound anew, with another expiry. Raise `CertificateLacksKey` where `primary_key`
    is not its primary.
    """
    held = one_certificate(certificate)
    primary_public, public = primary_key.public_key(), key.public_key()
    primary = next(keys_of(held))
    _check_is(primary, primary_public, primary_key)
    known = [each for each in keys_of(held) if not each.primary and public_key_of(each) == public]
    subkey = known[0] if known else key_packet(public, key.made() or now, primary=False)
    both = primary.hashed + subkey.hashed
    # A subkey that signs has to say itself that it belongs to this primary (RFC 9580, 10.1.4).
    back = sign_packet(key, public, unsigned(Kind.PRIMARY, subkey, hash_for(public), now), both)
    binding = unsigned(
        Kind.SUBKEY,
        primary,
        hash_for(primary_public),
        now,
        subpacket(27, bytes([_SIGN])),
        *_expiry(subkey, expires),
        unhashed=subpacket(32, back),
    )
    bound = packet(2, sign_packet(primary_key, primary_public, binding, both))
    return _with_fresh(held if known else held + subkey.packet, {subkey.body: bound})


def _certified(
    key: ExternalKey,
    public: PublicKey,
    primary: KeyPacket,
    name: bytes,
    *,
    now: datetime,
    expires: datetime | None,
    may: int = _CERTIFY | _SIGN,
) -> bytes:
    """Return the body of the signature by which a primary key takes a User ID, and says what it may do and for long."""
    wanted = unsigned(
        Kind.USER_ID,
        primary,
        hash_for(public),
        now,
        subpacket(27, bytes([may])),
        subpacket(25, b"\x01"),
        subpacket(21, _HASH_ORDER),
        subpacket(11, _AES),
        *_expiry(primary, expires),
    )
    return sign_packet(key, public, wanted, primary.hashed + b"\xb4" + len(name).to_bytes(4) + name)


def _expiry(key: KeyPacket, expires: datetime | None) -> list[bytes]:
    """Return the subpacket of a key's expiry, which counts from its making; none for a key that never expires."""
    if expires is None:
        return []
    seconds = (expires - key.created) // timedelta(seconds=1)
    return [subpacket(9, min(max(seconds, 1), _LONGEST).to_bytes(4))]


def _check_is(primary: KeyPacket, public: PublicKey, key: ExternalKey) -> None:
    if public_key_of(primary) != public:
        raise CertificateLacksKey(
            f"The primary key of the certificate {primary.fingerprint} is not {key.place}.",
            remedy="Name the key that made the certificate, or the other certificate.",
        )


def _with_fresh(held: bytes, fresh: Mapping[bytes, bytes]) -> bytes:
    """Return a certificate, armored, with other signatures of its own about some of its keys and User IDs.

    `fresh` has signatures by the body of the packet that they are about. Revocations and those of others stay.
    """
    primary = next(keys_of(held)).fingerprint
    parts: list[bytes] = []
    about = b""
    for each in PacketPile.from_bytes(held):
        if each.tag in (Tag.PublicKey, Tag.PublicSubkey, Tag.UserID, Tag.UserAttribute):
            about = each.body
            parts += [bytes(each), fresh.get(about, b"")]
        elif about not in fresh or each.signature_type not in BINDINGS or not is_by(each, primary):
            parts.append(bytes(each))
    return _armored(*parts)


def _armored(*packets: bytes) -> bytes:
    return armor(b"".join(packets), ArmorKind.PublicKey).encode()
