"""Keys that no one should sign a repository with, made by gpg: the product makes none such."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_USER = "Odd archive"


@dataclass(frozen=True)
class OddKey:
    """A key in a gpg home of its own. `options` go with every signature, such as the time at which it is made."""

    home: Path
    options: tuple[str, ...]

    def public_keyring(self) -> bytes:
        """Give the public key, binary."""
        return self._gpg("--export", _USER)

    def secret_armored(self) -> str:
        """Give the secret key, ASCII-armored."""
        return self._gpg("--armor", "--export-secret-keys", _USER).decode()

    def sign_clear(self, text: bytes) -> bytes:
        """Give the InRelease form of a Release."""
        return self._gpg("--clearsign", given=text)

    def sign_detached(self, text: bytes) -> bytes:
        """Give a Release's signature apart from it, ASCII-armored."""
        return self._gpg("--armor", "--detach-sign", given=text)

    def revoked(self) -> OddKey:
        """Give the key as it is once its owner has revoked it."""
        certificate = next(self.home.glob("openpgp-revocs.d/*.rev"))
        # gpg writes a colon before the first line, so that nobody imports it by mistake.
        self._gpg("--import", given=certificate.read_bytes().replace(b":-----BEGIN", b"-----BEGIN"))
        return self

    def renewed(self) -> OddKey:
        """Give the key as its owner renews it today: it expires no more, and signs with today's date."""
        today = OddKey(self.home, ())
        today._gpg("--quick-set-expire", self.fingerprints()[0], "never")
        return today

    def fingerprints(self) -> list[str]:
        """Give the fingerprint of the primary key, then those of its subkeys."""
        said = self._gpg("--with-colons", "--list-keys").decode().splitlines()
        return [line.split(":")[9] for line in said if line.startswith("fpr:")]

    def with_new_subkey(self) -> OddKey:
        """Give the key once its owner has added a subkey to sign with."""
        self._gpg("--quick-add-key", self.fingerprints()[0], "ed25519", "sign", "never")
        return self

    def without_subkey(self, fingerprint: str) -> OddKey:
        """Give the key once its owner has deleted a subkey."""
        primary, *subkeys = self.fingerprints()
        answers = f"key {subkeys.index(fingerprint) + 1}\ndelkey\ny\nsave\n".encode()
        self._gpg("--no-batch", "--no-tty", "--command-fd", "0", "--edit-key", primary, given=answers)
        return self

    def with_all_of(self, armored: str) -> OddKey:
        """Give the key with what an earlier form of it had besides."""
        self._gpg("--import", given=armored.encode())
        return self

    def _gpg(self, *arguments: str, given: bytes = b"") -> bytes:
        fixed = ("--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", "")
        command = ["gpg", "--homedir", str(self.home), *fixed, *self.options, *arguments]
        return subprocess.run(command, input=given, capture_output=True, check=True, timeout=60).stdout


@contextmanager
def odd_key(algorithm: str, *options: str, valid: str = "never", use: str = "sign") -> Iterator[OddKey]:
    """Make a key for the time of the block; options are gpg's, for making it and for signing with it."""
    with tempfile.TemporaryDirectory(prefix="gnupg-") as home:
        key = OddKey(Path(home), options)
        try:
            key._gpg("--quick-gen-key", _USER, algorithm, use, valid)
            yield key
        finally:
            subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
