"""OpenPGP packets of version 4, put together around raw signatures that something outside of us makes.

The format is RFC 9580's, of which apt 2.6's gpgv knows what RFC 4880 had: version 4 alone, and Ed25519 under the number
that GnuPG gave it (22, "EdDSALegacy").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pysequoia.packet import PacketPile, Tag

from packages_app.signing.signer_errors import KeyTooWeak, KeyUnsupported

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

LEAST_RSA_BITS = 2048
HASHES: Mapping[str, int] = {"sha256": 8, "sha384": 9, "sha512": 10}
"""The numbers of the hashes that we sign with (RFC 9580, 9.5)."""
_RSA, _RSA_SIGN, _ECDSA, _EDDSA = 1, 3, 19, 22
_ED25519 = bytes.fromhex("2B06010401DA470F01")
_CURVES: Mapping[bytes, tuple[ec.EllipticCurve, str]] = {
    bytes.fromhex("2A8648CE3D030107"): (ec.SECP256R1(), "sha256"),
    bytes.fromhex("2B81040022"): (ec.SECP384R1(), "sha384"),
    bytes.fromhex("2B81040023"): (ec.SECP521R1(), "sha512"),
}
"""NIST's curves by their object identifiers (RFC 9580, 9.2), each with the hash of its length."""


class Kind(IntEnum):
    """What a signature is of (RFC 9580, 5.2.1)."""

    BINARY = 0x00
    TEXT = 0x01
    USER_ID = 0x13
    SUBKEY = 0x18
    PRIMARY = 0x19


@dataclass(frozen=True)
class KeyPacket:
    """A public key of a certificate, primary or subkey. `fingerprint` is upper-case hex; `created` is in UTC."""

    body: bytes
    primary: bool

    @property
    def version(self) -> int:
        """The packet's version."""
        return self.body[0]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of a version 4 key (RFC 9580, 5.5.4.2)."""
        return hashlib.sha1(self.hashed, usedforsecurity=False).hexdigest().upper()

    @property
    def created(self) -> datetime:
        """When it says that it was made, which is a part of its fingerprint."""
        return datetime.fromtimestamp(int.from_bytes(self.body[1:5]), UTC)

    @property
    def hashed(self) -> bytes:
        """What signatures about this key hash of it."""
        return b"\x99" + len(self.body).to_bytes(2) + self.body

    @property
    def packet(self) -> bytes:
        """The packet itself."""
        return packet(6 if self.primary else 14, self.body)


def key_packet(key: PublicKey, created: datetime, *, primary: bool) -> KeyPacket:
    """Return the packet of a public key; raise `KeyUnsupported`."""
    if isinstance(key, rsa.RSAPublicKey):
        numbers = key.public_numbers()
        algorithm, fields = _RSA, _mpi(numbers.n) + _mpi(numbers.e)
    elif isinstance(key, ed25519.Ed25519PublicKey):
        point = b"\x40" + key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        algorithm, fields = _EDDSA, bytes([len(_ED25519)]) + _ED25519 + _mpi(int.from_bytes(point))
    else:
        oid, _ = _curve_of(key)
        point = key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        algorithm, fields = _ECDSA, bytes([len(oid)]) + oid + _mpi(int.from_bytes(point))
    return KeyPacket(b"\x04" + _time(created) + bytes([algorithm]) + fields, primary)


def public_key_of(key: KeyPacket) -> PublicKey | None:
    """Return the public key that a packet holds; None for a kind that we sign nothing with."""
    algorithm, fields = key.body[5], key.body[6:]
    try:
        if algorithm in (_RSA, _RSA_SIGN):
            modulus, rest = _read_mpi(fields)
            return rsa.RSAPublicNumbers(int.from_bytes(_read_mpi(rest)[0]), int.from_bytes(modulus)).public_key()
        if algorithm not in (_ECDSA, _EDDSA):
            return None
        oid, point = fields[1 : 1 + fields[0]], _read_mpi(fields[1 + fields[0] :])[0]
        if algorithm == _EDDSA:
            return ed25519.Ed25519PublicKey.from_public_bytes(point[1:]) if oid == _ED25519 else None
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[oid][0], point) if oid in _CURVES else None
    except (ValueError, IndexError):
        return None


def read_secret(body: bytes) -> PrivateKey | None:
    """Return the private key of a secret key's packet that no passphrase locks; None for others, and other kinds.

    RFC 9580, 5.5.3: the public key's fields, a zero where nothing is encrypted, the secret numbers, a checksum.
    """
    algorithm, fields = body[5], body[6:]
    try:
        if algorithm in (_RSA, _RSA_SIGN):
            (modulus, exponent), rest = _read_mpis(fields, 2)
            (d, p, q), _ = _read_mpis(rest[1:], 3)
            return None if rest[0] else _rsa_private(modulus, exponent, d, p, q)
        if algorithm not in (_ECDSA, _EDDSA):
            return None
        oid, (_, rest) = fields[1 : 1 + fields[0]], _read_mpis(fields[1 + fields[0] :], 1)
        (number,), _ = _read_mpis(rest[1:], 1)
    except (ValueError, IndexError):
        return None
    if rest[0] or oid not in (_ED25519, *_CURVES):
        return None
    if algorithm == _EDDSA:
        return ed25519.Ed25519PrivateKey.from_private_bytes(number.to_bytes(32))
    return ec.derive_private_key(number, _CURVES[oid][0])


def _rsa_private(modulus: int, exponent: int, d: int, p: int, q: int) -> rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(exponent, modulus)
    both = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q)
    return rsa.RSAPrivateNumbers(p, q, d, *both, rsa.rsa_crt_iqmp(p, q), public).private_key()


def hash_for(key: PublicKey) -> str:
    """Return the hash that a key signs with: `sha256`, `sha384` or `sha512`; raise `KeyTooWeak` for a weak key."""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise KeyTooWeak(
            f"The signing key is an RSA key of {key.key_size} bits, which apt 3 refuses.",
            remedy="Use Ed25519, P-256, P-384, or RSA with 3072 bits.",
        )
    return _curve_of(key)[1] if isinstance(key, ec.EllipticCurvePublicKey) else "sha512"


def keys_of(certificate: bytes) -> Iterator[KeyPacket]:
    """Yield the public keys of a certificate, the primary first."""
    for each in PacketPile.from_bytes(certificate):
        if each.tag in (Tag.PublicKey, Tag.PublicSubkey):
            yield KeyPacket(each.body, each.tag == Tag.PublicKey)


@dataclass(frozen=True)
class Unsigned:
    """A signature before it is made: who makes it by which hash, and its subpackets, hashed and not."""

    kind: Kind
    key: KeyPacket
    hash_name: str
    subpackets: bytes
    unhashed: bytes = b""

    @property
    def head(self) -> bytes:
        """What stands before the subpackets that are not hashed."""
        start = bytes([4, self.kind, self.key.body[5], HASHES[self.hash_name]])
        return start + len(self.subpackets).to_bytes(2) + self.subpackets

    def digest(self, data: bytes) -> bytes:
        """Return what the key has to sign, of the data that the signature is about (RFC 9580, 5.2.4)."""
        trailer = b"\x04\xff" + len(self.head).to_bytes(4)
        return hashlib.new(self.hash_name, data + self.head + trailer).digest()

    def body(self, digest: bytes, raw: bytes) -> bytes:
        """Return the body of the signature's packet, with the raw signature of its digest."""
        unhashed = subpacket(16, bytes.fromhex(self.key.fingerprint)[-8:]) + self.unhashed
        return self.head + len(unhashed).to_bytes(2) + unhashed + digest[:2] + _numbers(self.key, raw)


def unsigned(
    kind: Kind, key: KeyPacket, hash_name: str, when: datetime, *more: bytes, unhashed: bytes = b""
) -> Unsigned:
    """Return a signature to be made: it tells its time and its maker's fingerprint, and what `more` tells."""
    made = subpacket(2, _time(when)) + subpacket(33, b"\x04" + bytes.fromhex(key.fingerprint))
    return Unsigned(kind, key, hash_name, made + b"".join(more), unhashed)


def packet(tag: int, body: bytes) -> bytes:
    """Return a packet (RFC 9580, 4.2.1)."""
    return bytes([0xC0 | tag]) + _length(len(body)) + body


def subpacket(kind: int, data: bytes) -> bytes:
    """Return a subpacket of a signature (RFC 9580, 5.2.3.7)."""
    return _length(len(data) + 1) + bytes([kind]) + data


def _numbers(key: KeyPacket, raw: bytes) -> bytes:
    algorithm = key.body[5]
    if algorithm == _ECDSA:
        return b"".join(map(_mpi, decode_dss_signature(raw)))
    if algorithm == _EDDSA:
        return _mpi(int.from_bytes(raw[:32])) + _mpi(int.from_bytes(raw[32:]))
    return _mpi(int.from_bytes(raw))


def _curve_of(key: ec.EllipticCurvePublicKey) -> tuple[bytes, str]:
    for oid, (curve, hash_name) in _CURVES.items():
        if curve.name == key.curve.name:
            return oid, hash_name
    raise KeyUnsupported(
        f"The signing key is on the curve {key.curve.name}, which apt's verifiers do not know.",
        remedy="Use Ed25519, P-256, P-384, or RSA with 3072 bits.",
    )


def _time(when: datetime) -> bytes:
    return int(when.timestamp()).to_bytes(4)


def _mpi(number: int) -> bytes:
    return number.bit_length().to_bytes(2) + number.to_bytes((number.bit_length() + 7) // 8)


def _read_mpi(fields: bytes) -> tuple[bytes, bytes]:
    """Return the octets of a multiprecision integer, and what follows it."""
    end = 2 + (int.from_bytes(fields[:2]) + 7) // 8
    return fields[2:end], fields[end:]


def _read_mpis(fields: bytes, count: int) -> tuple[list[int], bytes]:
    """Return so many multiprecision integers, and what follows them."""
    numbers = []
    for _ in range(count):
        octets, fields = _read_mpi(fields)
        numbers.append(int.from_bytes(octets))
    return numbers, fields


def _length(octets: int) -> bytes:
    if octets < 192:
        return bytes([octets])
    if octets < 8384:
        return bytes([(octets - 192 >> 8) + 192, (octets - 192) & 0xFF])
    return b"\xff" + octets.to_bytes(4)
