"""A signing key behind gpg's agent, on a disk, a smart card or an HSM: `gpg:FINGERPRINT?homedir=/srv/gnupg`.

The agent signs a digest, as it does for gpg itself (Using GnuPG, "Agent's Assuan Protocol"): gpg's own cleartext
signatures leave a text's last newline unsigned, and ours do not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import pairwise
from urllib.parse import unquote_to_bytes

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from packages_app.core.child_environment import child_environment
from packages_app.signing.external import asked_again
from packages_app.signing.packets import PublicKey, keys_of, public_key_of
from packages_app.signing.running import Ran, run_signing
from packages_app.signing.signer_errors import (
    KeyLocked,
    KeyMissing,
    KeyUnsupported,
    SignerAddressRefused,
    SignerFailed,
    SignerUnavailable,
)

_FINGERPRINT = re.compile(r"[0-9A-F]{40}")
_FOR_IT = ("HOME", "GNUPGHOME")
_INSTALL = "Install gpg and gpg-agent (on Debian: gpg, gpg-agent), where the workers run."
_NO_SECRET_KEY = 17
_LOCKED = frozenset({11, 62, 85, 86, 87, 99, 122, 130, 177, 178, 198})
"""Codes of libgpg-error: a passphrase or PIN is wrong or lacking, or nobody could be asked for it."""
_CARD_AWAY = frozenset({108, 109, 110, 111, 112, 119})
_PINENTRY = 5
"""The source of errors that pinentry tells, such as that it has no terminal."""
_AGENT_ERROR = re.compile(rb"ERR (\d+)")


@dataclass(frozen=True)
class GpgKey:
    """A key or subkey that gpg's agent signs with, by its own fingerprint; fulfils `external.ExternalKey`."""

    fingerprint: str
    homedir: str = ""

    @property
    def place(self) -> str:
        """The address."""
        return f"gpg:{self.fingerprint}"

    def certificate(self) -> bytes:
        """Return the certificate that gpg has of the key, binary; raise `KeyMissing`."""
        return self._exported

    def public_key(self) -> PublicKey:
        """Return the public key; raise `KeyMissing` and `KeyUnsupported`."""
        held = [key for key in keys_of(self._exported) if key.version == 4]
        [public] = [public_key_of(key) for key in held if key.fingerprint == self.fingerprint] or [None]
        if public is None:
            raise KeyUnsupported(
                f"The key {self.place} is of a kind that we do not sign with.",
                remedy="Use Ed25519, P-256, P-384, or RSA with 3072 bits, of version 4.",
            )
        return public

    def made(self) -> datetime | None:
        """Return when the key says that it was made."""
        return next(key.created for key in keys_of(self._exported) if key.fingerprint == self.fingerprint)

    def sign(self, digest: bytes, hash_name: str) -> bytes:
        """Return the raw signature that the agent makes of a digest."""
        return asked_again(self._sign_once, f"--hash={hash_name} {digest.hex()}")

    def _sign_once(self, digest: str) -> bytes:
        asked = f"SIGKEY {self._keygrip}\nSETHASH {digest}\nPKSIGN\n/bye\n"
        ran = self._run("gpg-connect-agent", given=asked.encode())
        if failed := _AGENT_ERROR.search(ran.output):
            raise self._error(int(failed[1]))
        return self._raw(_data_of(ran.output))

    @cached_property
    def _exported(self) -> bytes:
        ran = self._run("gpg", "--batch", "--no-tty", "--export", f"{self.fingerprint}!")
        if not ran.output:
            raise self._missing()
        return ran.output

    @cached_property
    def _keygrip(self) -> str:
        ran = self._run("gpg", "--batch", "--no-tty", "--with-colons", "--with-keygrip", "-k", f"{self.fingerprint}!")
        lines = ran.output.decode(errors="replace").splitlines()
        for line, grip in pairwise(lines):
            if line.startswith("fpr:") and f":{self.fingerprint}:" in line and grip.startswith("grp:"):
                return grip.split(":")[9]
        raise self._missing()

    def _run(self, *command: str, given: bytes = b"") -> Ran:
        [program, *arguments] = command
        home = ["--homedir", self.homedir] if self.homedir else []
        return run_signing([program, *home, *arguments], child_environment(*_FOR_IT), given, remedy=_INSTALL)

    def _raw(self, data: bytes) -> bytes:
        """Return the raw signature of the agent's canonical S-expression, such as `(7:sig-val(3:rsa(1:s384:…)))`."""
        atoms = _atoms(data)
        values = {name: value for name, value in pairwise(atoms) if name in (b"r", b"s")}
        public = self.public_key()
        try:
            if isinstance(public, rsa.RSAPublicKey):
                return values[b"s"].lstrip(b"\0").rjust(public.key_size // 8, b"\0")
            if isinstance(public, ec.EllipticCurvePublicKey):
                return encode_dss_signature(int.from_bytes(values[b"r"]), int.from_bytes(values[b"s"]))
            return values[b"r"].rjust(32, b"\0") + values[b"s"].rjust(32, b"\0")
        except KeyError:
            raise SignerFailed(
                f"gpg's agent gives no signature by {self.place}.",
                remedy="See what gpg itself signs with.",
            ) from None

    def _missing(self) -> KeyMissing:
        where = self.homedir or "the home of this user"
        return KeyMissing(
            f"gpg has no key {self.fingerprint} in {where}.",
            remedy="Import it there as the user of the workers: public key, and secret key or card.",
        )

    def _error(self, said: int) -> SignerFailed | SignerUnavailable | KeyLocked | KeyMissing:
        """Return the error of a code that the agent gave: the lower half of it is the matter, the byte above whose."""
        code, source = said & 0xFFFF, said >> 24 & 0x7F
        if code in _LOCKED or source == _PINENTRY:
            return KeyLocked(
                f"The key {self.place} asks for a passphrase or PIN (gpg's code {code}), which nobody can type here.",
                remedy="Take the passphrase away (gpg --change-passphrase), give it to the agent beforehand"
                " (gpg-preset-passphrase), or verify the card's PIN once as the user of the workers.",
            )
        if code in _CARD_AWAY:
            return SignerUnavailable(
                f"The card with {self.place} is not there (gpg's code {code}).",
                remedy="Insert it, and see that gpg --card-status shows it to the user of the workers.",
            )
        if code == _NO_SECRET_KEY:
            return self._missing()
        return SignerFailed(
            f"gpg's agent does not sign with {self.place} (gpg's code {code}).",
            remedy="Sign something by gpg as the user of the workers, and see what it says.",
        )


def gpg_key(rest: str) -> GpgKey:
    """Return the key of an address behind `gpg:`; raise `SignerAddressRefused`."""
    named, _, query = rest.partition("?")
    option, _, homedir = query.partition("=")
    fingerprint = named.replace(" ", "").upper()
    if not _FINGERPRINT.fullmatch(fingerprint) or (query and (option != "homedir" or not homedir.startswith("/"))):
        raise SignerAddressRefused(
            f"SIGNING_KEY names {named!r} as a key of gpg.",
            remedy="Write gpg:FINGERPRINT, all 40 digits of the key or subkey that signs, and ?homedir=/path if the"
            " keys are not in ~/.gnupg.",
        )
    return GpgKey(fingerprint, homedir)


def _data_of(said: bytes) -> bytes:
    """Return the data that an Assuan server gave in its answer's `D` lines."""
    return b"".join(unquote_to_bytes(line[2:]) for line in said.split(b"\n") if line.startswith(b"D "))


def _atoms(data: bytes) -> list[bytes]:
    """Return the atoms of a canonical S-expression, in their order (RFC 9804, 6.1)."""
    found, at = [], 0
    while at < len(data):
        length, colon, _ = data[at : at + 8].partition(b":")
        if colon and length.isdigit():
            at += len(length) + 1
            found.append(data[at : at + int(length)])
            at += int(length)
        else:
            at += 1
    return found
