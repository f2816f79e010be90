"""The repository's keys together: those that sign, each beside the others, and those that are in the keyring alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pysequoia import ArmorKind, armor

from packages_app.core.ports import Signer
from packages_app.signing.key_facts import KeyFacts, key_facts
from packages_app.signing.signatures import join_clear, join_detached

_BEGIN = "-----BEGIN PGP "
_BLOCK_END = re.compile(r"-----END PGP [A-Z]{6,7} KEY BLOCK-----")
_BETWEEN = re.compile(r",(?=\s*[a-z][a-z0-9+.-]*:)")


@dataclass(frozen=True)
class SigningKeys:
    """Signs with each of `signers`, the first of which leads; fulfils `core.ports.Signer`.

    `others` are the public certificates, binary, of keys that clients trust and that sign nothing. With one signer and
    no other all that it gives is that signer's, byte for byte.
    """

    signers: tuple[Signer, ...]
    others: tuple[bytes, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint of the leading signer, upper-case hex."""
        return self.signers[0].fingerprint

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of all that sign, the leading one first."""
        return tuple(signer.fingerprint for signer in self.signers)

    @property
    def expires(self) -> datetime | None:
        """When the first of the signing keys stops being valid, or None."""
        return min((signer.expires for signer in self.signers if signer.expires is not None), default=None)

    @property
    def facts(self) -> tuple[KeyFacts, ...]:
        """What is to know of each key that signs; it ends when what signs of it does."""
        return tuple(replace(key_facts(each.public_keyring()), expires=each.expires) for each in self.signers)

    def sign_clear(self, text: bytes) -> bytes:
        """Return the InRelease form, with a signature of each. Raise `SigningKeyError`."""
        return join_clear([signer.sign_clear(text) for signer in self.signers])

    def sign_detached(self, text: bytes) -> bytes:
        """Return the Release.gpg form, with a signature of each. Raise `SigningKeyError`."""
        return join_detached([signer.sign_detached(text) for signer in self.signers])

    def public_keyring(self) -> bytes:
        """Return the public certificates of all, binary: those that sign first."""
        return b"".join((*(signer.public_keyring() for signer in self.signers), *self.others))

    def public_armored(self) -> bytes:
        """Return the public certificates of all in one ASCII armor."""
        if len(self.signers) == 1 and not self.others:
            return self.signers[0].public_armored()
        return armor(self.public_keyring(), ArmorKind.PublicKey).encode()


def keys_given(text: str) -> tuple[str, ...]:
    """Return the keys that SIGNING_KEY names: armored blocks as they are, and addresses, separated by commas.

    What is neither is given as it is: it is refused where it is opened.
    """
    given: list[str] = []
    rest = text.strip()
    while rest:
        at = rest.find(_BEGIN)
        if at < 0:
            return (*given, *_addresses(rest))
        given += _addresses(rest[:at])
        end = _BLOCK_END.search(rest, at)
        if end is None:
            return (*given, rest[at:])
        given.append(rest[at : end.end()] + "\n")
        rest = rest[end.end() :].strip()
    return tuple(given)


def is_public(given: str) -> bool:
    """Return whether a key is given by its public half alone: clients are to trust it, and it signs nothing."""
    return given.startswith(f"{_BEGIN}PUBLIC KEY BLOCK-----")


def known_anew(given: Iterable[str], signing: Sequence[str], known: Iterable[str]) -> bool:
    """Return whether who accepts what the keys `given` signed last may refuse what `signing` sign now.

    So it is where none of those signs any more, and where one is not even in the keyring (`known`): nobody took it out
    of use step by step. All are fingerprints of primary keys.
    """
    before = set(given)
    return not before & set(signing) or not before <= set(known)


def _addresses(text: str) -> list[str]:
    return [part for part in (each.strip(" ,\t\r\n") for each in _BETWEEN.split(text)) if part]
