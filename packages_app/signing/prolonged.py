"""A key file's expiry set anew: that of the primary key, and of the subkeys that sign and would end before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from pysequoia import Cert, Tsk
from pysequoia.packet import Packet, PacketPile, Tag

from packages_app.core.errors import SigningKeyError
from packages_app.signing.bindings import signing_subkeys
from packages_app.signing.certificates import renewed, with_subkey
from packages_app.signing.packets import PrivateKey, PublicKey, read_secret

_SECRET = (Tag.SecretKey, Tag.SecretSubkey)
_KEYS = (Tag.PublicKey, Tag.PublicSubkey, *_SECRET)


@dataclass(frozen=True)
class _KeyOfFile:
    """A key of a key file that signs digests; fulfils `external.ExternalKey`."""

    private: PrivateKey
    created: datetime | None
    place: str = "the key file"

    def public_key(self) -> PublicKey:
        return self.private.public_key()

    def made(self) -> datetime | None:
        return self.created

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        algorithm = Prehashed(_DIGESTS[hash_name])
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(digest, padding.PKCS1v15(), algorithm)
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(digest, ec.ECDSA(algorithm))
        return self.private.sign(digest)


_DIGESTS = {"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}


def prolonged(armored: str, until: datetime, now: datetime) -> str:
    """Return a secret key, armored, that ends at a moment (UTC), also one that has ended; its fingerprint stays.

    Subkeys that sign and would end before it are bound anew until then. Raise `SigningKeyError` for what is no secret
    key, and for one whose primary key is elsewhere, locked, or of a kind that we make no signatures with.
    """
    try:
        certificate = bytes(Tsk.from_bytes(armored.encode()).extract_certificate())
    except Exception as error:  # pysequoia raises plain exceptions
        raise SigningKeyError(
            "What is to be prolonged is no secret key.", remedy="Prolong it where that is: gpg --quick-set-expire."
        ) from error
    keys = dict(_keys_of(armored))
    fingerprint = Cert.from_bytes(certificate).fingerprint.upper()
    primary = keys.get(fingerprint)
    if primary is None:
        raise SigningKeyError(
            f"{fingerprint} can't be prolonged here: its secret primary key is elsewhere, or of another kind than"
            " Ed25519, P-256, P-384, P-521 and RSA.",
            remedy="Prolong it where that is: gpg --quick-set-expire; then gpg --armor --export.",
        )
    certificate = _binary(renewed(primary, certificate, now=now, expires=until))
    for subkey, end in list(signing_subkeys(certificate)):
        if subkey in keys and end is not None and end < until:
            certificate = _binary(with_subkey(primary, certificate, keys[subkey], now=now, expires=until))
    return _with_secrets(certificate, armored)


def _binary(certificate: bytes) -> bytes:
    return bytes(Cert.from_bytes(certificate))


def _keys_of(armored: str) -> Iterator[tuple[str, _KeyOfFile]]:
    for packet in PacketPile.from_bytes(armored.encode()):
        private = read_secret(packet.body) if packet.tag in _SECRET else None
        if private is not None:
            yield (packet.fingerprint or "").upper(), _KeyOfFile(private, packet.key_created)


def _with_secrets(certificate: bytes, armored: str) -> str:
    """Return a certificate with the secret halves of its keys, armored."""
    secrets = {
        packet.fingerprint: bytes(packet) for packet in PacketPile.from_bytes(armored.encode()) if _is_key(packet)
    }
    packets = [
        secrets[packet.fingerprint] if _is_key(packet) else bytes(packet)
        for packet in PacketPile.from_bytes(certificate)
    ]
    return str(Tsk.from_bytes(b"".join(packets)))


def _is_key(packet: Packet) -> bool:
    return packet.tag in _KEYS
