"""The repository's OpenPGP key: made, read, checked, and used to sign Release files.

Keys are RFC 4880 (version 4): the gpgv of apt before 3.0 refuses RFC 9580 keys.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from pysequoia import Cert, CipherSuite, Profile, PySigner, Sig, SignatureMode, Tsk, sign, verify
from pysequoia.packet import PacketPile, Tag

from packages_app.core.errors import SigningKeyError
from packages_app.core.ports import Signer
from packages_app.signing.bindings import end_of
from packages_app.signing.key_facts import check_key
from packages_app.signing.signer_errors import KeyLocked, SignerUnavailable

_LOCKED = "secret key material is encrypted"
"""What pysequoia says of a key with a passphrase."""
_SAMPLE = b"Origin: sample\nSuite: sample\n"


class OpenPgpSigner:
    """Signs with one secret key; fulfils `core.ports.Signer`."""

    def __init__(self, armored_secret_key: str) -> None:
        try:
            self._key = Tsk.from_bytes(armored_secret_key.encode())
            self._certificate = self._key.extract_certificate()
        except Exception as error:  # pysequoia raises plain exceptions
            raise SigningKeyError(
                f"The signing key is not an OpenPGP secret key: {_said(error)}.",
                remedy="Give SIGNING_KEY what `gpg --armor --export-secret-keys KEYID` prints.",
            ) from error

    @property
    def fingerprint(self) -> str:
        """The primary key's fingerprint, upper-case hex."""
        return self._certificate.fingerprint.upper()

    @property
    def expires(self) -> datetime | None:
        """When the key, or the last of its subkeys that sign, stops being valid, or None."""
        return end_of(self._certificate)

    def sign_clear(self, text: bytes) -> bytes:
        """Return the InRelease form: the text with a cleartext signature around it."""
        return self._sign(text, SignatureMode.CLEAR)

    def sign_detached(self, text: bytes) -> bytes:
        """Return the Release.gpg form: an armored detached signature."""
        return self._sign(text, SignatureMode.DETACHED)

    def public_keyring(self) -> bytes:
        """Return the public certificate, binary."""
        return bytes(self._certificate)

    def public_armored(self) -> bytes:
        """Return the public certificate, ASCII-armored."""
        return str(self._certificate).encode()

    def prove(self) -> None:
        """Sign a sample and check it; raise `SigningKeyError` for a key that clients would refuse."""
        if self._certificate.is_revoked:
            raise SigningKeyError(f"The key {self.fingerprint} is revoked.", remedy="Give SIGNING_KEY a valid key.")
        check_key(self.public_keyring(), datetime.now(UTC))
        if verified_text(self.sign_clear(_SAMPLE), self.public_keyring()) != _SAMPLE:
            raise SigningKeyError(
                f"What {self.fingerprint} signs can't be verified.",
                remedy="Give SIGNING_KEY a key that is valid now and whose self-signatures are not SHA-1.",
            )

    def _sign(self, text: bytes, mode: SignatureMode) -> bytes:
        return sign(self._signer(), text, mode=mode)

    def _signer(self) -> PySigner:
        try:
            return self._key.signer()
        except Exception as error:
            if _LOCKED in str(error):
                raise KeyLocked(
                    f"The key {self.fingerprint} has a passphrase.",
                    remedy="Take it away (gpg --edit-key KEYID passwd) and export it again, for its owner alone.",
                ) from error
            raise SigningKeyError(
                f"The key {self.fingerprint} can't sign: {_said(error)}.",
                remedy="It needs a signing key that is valid now and has no passphrase, at least RSA 2048 or Ed25519.",
            ) from error


def generate_key(user_id: str) -> str:
    """Make an Ed25519 key that does not expire; return the armored secret key."""
    return str(Tsk.generate(user_id, profile=Profile.RFC4880, cipher_suite=CipherSuite.Cv25519))


def keep_key(path: Path, make: Callable[[], str]) -> str:
    """Return the armored secret key kept at `path`; when there is none, make one and keep it with mode 0600.

    Of several processes that start at once, one makes the key and all get the same.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(make())
                stream.flush()
                os.fsync(stream.fileno())
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its key counts
        finally:
            os.unlink(draft)
    return path.read_text(encoding="utf-8")


def verified_text(signed: bytes, keyring: bytes, signature: bytes | None = None) -> bytes | None:
    """Return the text that a key of the keyring signed, or None when the signature is not good.

    `signed` is a cleartext-signed message; with `signature` it is the text itself, signed detached.
    """
    certificates = Cert.split_bytes(keyring)
    try:
        if signature is None:
            return verify(signed, lambda _ids: certificates).bytes
        # Of a signature by several keys `Sig` reads the first packet alone.
        each = [bytes(packet) for packet in PacketPile.from_bytes(signature) if packet.tag == Tag.Signature]
    except Exception:  # pysequoia raises plain exceptions for a bad signature
        return None
    return signed if any(_proves(one, signed, certificates) for one in each) else None


def _proves(signature: bytes, text: bytes, certificates: list[Cert]) -> bool:
    try:
        verify(text, lambda _ids: certificates, signature=Sig.from_bytes(signature))
    except Exception:  # as above
        return False
    return True


def certificate_in(keyring: bytes, fingerprint: str) -> bytes:
    """Return the certificate of a keyring whose primary key has this fingerprint; b"" where there is none."""
    try:
        certificates = Cert.split_bytes(keyring)
    except Exception:  # pysequoia raises plain exceptions for what is no keyring
        return b""
    return next((bytes(one) for one in certificates if one.fingerprint.upper() == fingerprint), b"")


def proves(keyring: bytes, signer: Signer) -> bool:
    """Return whether a keyring proves what a signer signs now, so that who has it need not mind.

    Raise `SignerUnavailable`: nothing follows from a key that is away for the moment.
    """
    try:
        return verified_text(signer.sign_clear(_SAMPLE), keyring) == _SAMPLE
    except SignerUnavailable:
        raise
    except Exception:  # as above
        return False


def _said(error: Exception) -> str:
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
