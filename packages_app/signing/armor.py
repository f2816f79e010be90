"""The form of our signatures, as strictly as gpgv takes it (RFC 4880, 5.2.3, 6.1 and 7).

Sequoia passes over damage that does not touch what was signed: a corrupt armor line, a checksum, the two bytes by which
a signature tells its digest. apt's gpgv refuses the file then.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from dataclasses import dataclass

_SIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----\n"
_BEGIN = b"-----BEGIN PGP SIGNATURE-----\n"
_ARMOR = re.compile(
    _BEGIN + rb"(?:[A-Z][A-Za-z]*: [^\n]*\n)*\n((?:[A-Za-z0-9+/]+={0,2}\n)+)"
    rb"(?:=([A-Za-z0-9+/]{4})\n)?-----END PGP SIGNATURE-----\n*\Z"
)
_HASH_LINES = re.compile(rb"(?:Hash: [A-Z0-9]+\n)*\n")
_HASHES = {8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224"}
_TEXT, _BINARY = 1, 0
_CRC_INIT, _CRC_POLYNOMIAL = 0xB704CE, 0x1864CFB


@dataclass(frozen=True)
class _Packet:
    """The parts of a version 4 signature packet: its kind, its hash, what is hashed of it, and its digest's start."""

    kind: int
    algorithm: str
    hashed: bytes
    digest_start: bytes


def clear_form_refusal(signed: bytes, text: bytes) -> str:
    """Return why gpgv would refuse a cleartext-signed message of `text` whose signature is good; "" when not."""
    rest = signed.removeprefix(_SIGNED)
    hashes = _HASH_LINES.match(rest) if rest != signed else None
    if hashes is None:
        return "it does not begin as a signed message does"
    escaped = re.sub(rb"^-", rb"- -", text, flags=re.MULTILINE)
    body = rest[hashes.end() :]
    framed = body.removeprefix(escaped)
    if framed == body or not framed.removeprefix(b"\n").startswith(_BEGIN):
        return "there is more in it than what was signed"
    packet, fault = _packet(framed.removeprefix(b"\n"))
    if packet is None:
        return fault
    if hashes.group() != f"Hash: {packet.algorithm}\n\n".encode():
        return "it announces another hash than its signature has"
    lines = [
        line.rstrip(b" \t\r") for line in text.removesuffix(b"\n" if framed.startswith(_BEGIN) else b"").split(b"\n")
    ]
    return _digest_fault(packet, b"\r\n".join(lines)) if packet.kind == _TEXT else ""


def detached_form_refusal(signature: bytes, text: bytes) -> str:
    """Return why gpgv would refuse an armored detached signature of `text` that is good; "" when not."""
    packet, fault = _packet(signature)
    if packet is None:
        return fault
    return _digest_fault(packet, text) if packet.kind == _BINARY else ""


def _packet(armored: bytes) -> tuple[_Packet | None, str]:
    found = _ARMOR.match(armored)
    if found is None:
        return None, "its armor is damaged"
    try:
        packet = binascii.a2b_base64(found[1].replace(b"\n", b""), strict_mode=True)
        checksum = binascii.a2b_base64(found[2], strict_mode=True) if found[2] else None
    except binascii.Error:
        return None, "its armor is damaged"
    if checksum is not None and int.from_bytes(checksum) != _crc24(packet):
        return None, "its armor's checksum is wrong"
    try:
        return _parsed(packet), ""
    except (IndexError, KeyError):
        return None, "it is no signature that clients can read"


def _parsed(packet: bytes) -> _Packet:
    body = packet[_header_length(packet) :]
    hashed = 6 + int.from_bytes(body[4:6])
    unhashed = hashed + 2 + int.from_bytes(body[hashed : hashed + 2])
    if body[0] != 4 or unhashed + 2 > len(body):
        raise IndexError
    trailer = b"\x04\xff" + hashed.to_bytes(4)
    return _Packet(body[1], _HASHES[body[3]], body[:hashed] + trailer, body[unhashed : unhashed + 2])


def _header_length(packet: bytes) -> int:
    """Return the length of a packet's header (RFC 4880, 4.2)."""
    if packet[0] & 0x40:
        return 2 if packet[1] < 192 else 3 if packet[1] < 224 else 6
    return (2, 3, 5)[packet[0] & 3]


def _digest_fault(packet: _Packet, data: bytes) -> str:
    digest = hashlib.new(packet.algorithm, data + packet.hashed).digest()
    return "" if digest[:2] == packet.digest_start else "the digest that it tells is not that of its text"


def _crc24(data: bytes) -> int:
    """Return the armor's checksum (RFC 4880, 6.1)."""
    crc = _CRC_INIT
    for octet in data:
        crc ^= octet << 16
        for _ in range(8):
            crc <<= 1
            if crc & 0x1000000:
                crc ^= _CRC_POLYNOMIAL
    return crc
