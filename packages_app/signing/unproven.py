"""What a signed text says, and whose signature it says to bear, where no signature of our key proves it.

Nothing that is read here is believed: it tells people what stands in a place, and what would change there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, Tag

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"


@dataclass(frozen=True)
class Claim:
    """What a signature says of itself: which key made it, and when (UTC; None where it does not say).

    `key` is the fingerprint of a primary key or of a subkey, or a key ID where there is no more, in upper-case hex.
    """

    key: str
    made: datetime | None


def unproven_text(signed: bytes) -> bytes | None:
    """Return the text of a cleartext-signed message; of what is none, all of it; None of one that is cut off."""
    signed = signed.replace(b"\r\n", b"\n")
    begin = signed.find(_BEGIN + b"\n")
    if begin < 0:
        return None if _BEGIN in signed else signed
    # RFC 4880, 7: armor headers, an empty line, the text.
    headers = signed.find(b"\n\n", begin)
    end = signed.find(b"\n" + _SIGNATURE, headers + 2) if headers >= 0 else -1
    if end < 0:
        return None
    # Some tools sign the last newline too, by an empty line behind it.
    text = signed[headers + 2 : end]
    return b"\n".join(line.removeprefix(b"- ") for line in text.split(b"\n")).rstrip(b"\n") + b"\n"


def claims_of(signed: bytes) -> list[Claim]:
    """Return what the signatures of a cleartext-signed message, or detached ones, say; none where they are damaged."""
    return [
        Claim((packet.issuer_fingerprint or packet.issuer_key_id or "").upper(), packet.signature_created)
        for packet in _packets(signed[max(0, signed.find(_SIGNATURE)) :])
        if packet.tag == Tag.Signature
    ]


def keys_in(keyring: bytes) -> dict[str, str]:
    """Return the fingerprint of the primary key for each fingerprint and key ID of a keyring, armored or not.

    All in upper-case hex; nothing for what is no keyring.
    """
    try:
        certificates = Cert.split_bytes(keyring)
    except Exception:  # pysequoia raises plain exceptions
        return {}
    return {
        name.upper(): certificate.fingerprint.upper()
        for certificate in certificates
        for packet in _packets(bytes(certificate))
        for name in (packet.fingerprint, packet.key_id)
        if name and packet.tag in (Tag.PublicKey, Tag.PublicSubkey)
    }


def _packets(data: bytes) -> Iterator[Packet]:
    try:
        yield from PacketPile.from_bytes(data)
    except Exception:  # pysequoia raises plain exceptions
        return
