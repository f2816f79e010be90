"""The form of our signatures, as strictly as gpgv takes it (RFC 4880, 5.2.3, 6.1 and 7).

Sequoia passes over damage that does not touch what was signed: a corrupt armor line, a checksum, the two bytes by which
a signature tells its digest. apt's gpgv refuses the file then.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Iterable
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
_ARMOR_WIDTH = 64
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
    escaped = dash_escaped(text)
    body = rest[hashes.end() :]
    framed = body.removeprefix(escaped)
    if framed == body or not framed.removeprefix(b"\n").startswith(_BEGIN):
        return "there is more in it than what was signed"
    packet, fault = _packet(framed.removeprefix(b"\n"))
    if packet is None:
        return fault
    if hashes.group() != f"Hash: {packet.algorithm}\n\n".encode():
        return "it announces another hash than its signature has"
    hashed = canonical(text.removesuffix(b"\n" if framed.startswith(_BEGIN) else b""))
    return _digest_fault(packet, hashed) if packet.kind == _TEXT else ""


def detached_form_refusal(signature: bytes, text: bytes) -> str:
    """Return why gpgv would refuse an armored detached signature of `text` that is good; "" when not."""
    packet, fault = _packet(signature)
    if packet is None:
        return fault
    return _digest_fault(packet, text) if packet.kind == _BINARY else ""


def signature_packets(armored: bytes) -> tuple[list[bytes], str]:
    """Return the packets of an armored signature, one for each key that signed, and "", or none and what is wrong."""
    found = _ARMOR.match(armored)
    if found is None:
        return [], "its armor is damaged"
    try:
        body = binascii.a2b_base64(found[1].replace(b"\n", b""), strict_mode=True)
        checksum = binascii.a2b_base64(found[2], strict_mode=True) if found[2] else None
    except binascii.Error:
        return [], "its armor is damaged"
    if checksum is not None and int.from_bytes(checksum) != _crc24(body):
        return [], "its armor's checksum is wrong"
    packets = []
    while body:
        try:
            length = _packet_length(body)
        except IndexError:
            length = 0
        if not 0 < length <= len(body):
            return [], "it is no signature that clients can read"
        packets.append(body[:length])
        body = body[length:]
    return packets, ""


def armored_signature(packets: Iterable[bytes]) -> bytes:
    """Return signature packets in one armor, with its checksum (RFC 4880, 6.2)."""
    body = b"".join(packets)
    text = binascii.b2a_base64(body, newline=False)
    lines = [text[at : at + _ARMOR_WIDTH] for at in range(0, len(text), _ARMOR_WIDTH)]
    checksum = binascii.b2a_base64(_crc24(body).to_bytes(3), newline=False)
    return b"\n".join((_BEGIN, *lines, b"=" + checksum, b"-----END PGP SIGNATURE-----", b""))


def dash_escaped(text: bytes) -> bytes:
    """Return a text as it stands in a cleartext-signed message (RFC 9580, 7.1)."""
    return re.sub(rb"^-", rb"- -", text, flags=re.MULTILINE)


def canonical(text: bytes) -> bytes:
    """Return what a cleartext signature hashes of a text: lines without blanks at their end, CRLF between them."""
    return b"\r\n".join(line.rstrip(b" \t\r") for line in text.split(b"\n"))


def clear_parts(signed: bytes) -> tuple[bytes, bytes]:
    """Return the text of a cleartext-signed message as it stands there, dash-escaped, and the armor behind it.

    Both are empty for what is no such message.
    """
    rest = signed.removeprefix(_SIGNED)
    hashes = _HASH_LINES.match(rest) if rest != signed else None
    at = rest.rfind(b"\n" + _BEGIN)
    if hashes is None or at < hashes.end():
        return b"", b""
    return rest[hashes.end() : at + 1], rest[at + 1 :]


def clear_message(escaped: bytes, packets: Iterable[bytes]) -> bytes:
    """Return a cleartext-signed message: a `Hash:` line for each digest, the text as `clear_parts` has it, the armor.

    Raise `IndexError` or `KeyError` for a packet that is no signature of version 4 by a hash of SHA-2.
    """
    packets = list(packets)
    hashes = dict.fromkeys(_parsed(packet).algorithm for packet in packets)
    head = b"".join(f"Hash: {name}\n".encode() for name in hashes)
    return _SIGNED + head + b"\n" + escaped + armored_signature(packets)


def _packet(armored: bytes) -> tuple[_Packet | None, str]:
    packets, fault = signature_packets(armored)
    if fault:
        return None, fault
    try:
        [packet] = packets
        return _parsed(packet), ""
    except (IndexError, KeyError, ValueError):
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


def _packet_length(data: bytes) -> int:
    """Return how many bytes the first packet has, 0 where it does not say (RFC 4880, 4.2)."""
    if data[0] >> 6 == 3:
        first = data[1]
        if first < 192:
            return 2 + first
        if first < 224:
            return 3 + ((first - 192) << 8) + data[2] + 192
        return 6 + int.from_bytes(data[2:6]) if first == 255 else 0
    size = (1, 2, 4, 0)[data[0] & 3]
    return 1 + size + int.from_bytes(data[1 : 1 + size]) if size and data[0] >> 6 == 2 else 0


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
