"""The signatures of one text by several keys: joined into one message, taken apart, and each of them looked at.

apt asks for one good signature, passes over those of keys that it does not know, and refuses a file with a bad one
(gpgv.cc of apt 2.6). Sequoia says of a message that it is good when one of its signatures is, whatever the others are.
"""

from __future__ import annotations

from collections.abc import Sequence

from packages_app.core.errors import SigningKeyError
from packages_app.signing.armor import (
    armored_signature,
    clear_form_refusal,
    clear_message,
    clear_parts,
    dash_escaped,
    detached_form_refusal,
    signature_packets,
)
from packages_app.signing.openpgp import verified_text
from packages_app.signing.unproven import claims_of, keys_in

_NO_MESSAGE = "its armor is damaged"


def join_clear(messages: Sequence[bytes]) -> bytes:
    """Return one cleartext-signed message with the signatures of all, which are of the same text; one stays as it is.

    Raise `SigningKeyError` where one of them is no message that clients could read, or is of another text.
    """
    if len(messages) == 1:
        return messages[0]
    texts = {_signed_of(clear_parts(message)[0]) for message in messages}
    packets = [packet for message in messages for packet in signature_packets(clear_parts(message)[1])[0]]
    try:
        [text] = texts
        if len(packets) < len(messages):
            raise ValueError
        return clear_message(dash_escaped(text), packets)
    except (IndexError, KeyError, ValueError) as error:
        raise _not_joined() from error


def join_detached(signatures: Sequence[bytes]) -> bytes:
    """Return one armored signature with the packets of all; one stays as it is. Raise as `join_clear`."""
    if len(signatures) == 1:
        return signatures[0]
    packets = [packet for signature in signatures for packet in signature_packets(signature)[0]]
    if len(packets) < len(signatures):
        raise _not_joined()
    return armored_signature(packets)


def clear_fault(signed: bytes, text: bytes, keyring: bytes, *, strangers: bool = False) -> str:
    """Return why a message, of whose signatures one is known to be good, is not as our keys sign; "" when it is.

    Each signature must be a good one of a key of the keyring, one a key, in the form that gpgv takes. With `strangers`
    those of other keys may be there too.
    """
    escaped, armor = clear_parts(signed)
    packets, _ = signature_packets(armor)
    if len(packets) < 2:
        return _told(clear_form_refusal(signed, text), len(claims_of(signed)))
    try:
        each = [clear_message(escaped, [packet]) for packet in packets]
        as_joined = clear_message(escaped, packets) == signed
    except (IndexError, KeyError):
        return _told("it has a signature that clients can't read")
    if not as_joined:
        return _told(_NO_MESSAGE)
    ours = _known(each, keyring)
    bad = [one for one in ours if verified_text(one, keyring) != text]
    return _fault(len(each), ours, bad, strangers, keyring) or next(
        filter(None, (_told(clear_form_refusal(one, text)) for one in ours)), ""
    )


def detached_fault(signature: bytes, text: bytes, keyring: bytes, *, strangers: bool = False) -> str:
    """Return why a detached signature is not as our keys sign, as `clear_fault` does; "" when it is."""
    packets, _ = signature_packets(signature)
    if len(packets) < 2:
        return _told(detached_form_refusal(signature, text), len(claims_of(signature)))
    if armored_signature(packets) != signature:
        return _told(_NO_MESSAGE)
    each = [armored_signature([packet]) for packet in packets]
    ours = _known(each, keyring)
    bad = [one for one in ours if verified_text(text, keyring, signature=one) is None]
    return _fault(len(each), ours, bad, strangers, keyring) or next(
        filter(None, (_told(detached_form_refusal(one, text)) for one in ours)), ""
    )


def _signed_of(escaped: bytes) -> bytes:
    """Return what is signed of a dash-escaped text: signers differ in which lines they escape, and in ends of lines."""
    lines = (line.removeprefix(b"- ").rstrip(b" \t\r") for line in escaped.split(b"\n"))
    return b"\n".join(lines)


def _known(each: Sequence[bytes], keyring: bytes) -> list[bytes]:
    keys = keys_in(keyring)
    return [one for one in each if any(claim.key in keys for claim in claims_of(one))]


def _fault(number: int, ours: Sequence[bytes], bad: Sequence[bytes], strangers: bool, keyring: bytes) -> str:
    keys = keys_in(keyring)
    signers = [keys[claim.key] for one in ours for claim in claims_of(one)]
    if len(ours) < number and not strangers:
        return f"It bears {number} signatures; only those of our keys should be there."
    if len(set(signers)) < len(signers):
        return f"It bears {number} signatures, more than one of a key."
    return _told("one of its signatures is not good") if bad else ""


def _told(refusal: str, number: int = 1) -> str:
    if number != 1:
        return f"It bears {number} signatures; only those of our keys should be there."
    return f"gpgv refuses it: {refusal}." if refusal else ""


def _not_joined() -> SigningKeyError:
    return SigningKeyError(
        "The signatures of the signing keys can't be joined.",
        remedy="Each of SIGNING_KEY must sign by SHA-256 or better, with a key of version 4; keys list tells of each.",
    )
