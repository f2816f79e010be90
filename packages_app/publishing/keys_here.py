"""The keys that an installation has: of SIGNING_KEY, or files of its home. Which of them sign is said by their roles.

A home has one key, `signing-key.asc`. While it changes to the next one this stands in `signing-keys/`, named by its
fingerprint; once it is the only one it becomes `signing-key.asc`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pysequoia import Cert, Tsk

from packages_app.core.errors import SigningKeyError
from packages_app.core.home import FOLDER_MODE, SIGNING_KEYS
from packages_app.publishing.key_roles import Decided, KeyRole
from packages_app.signing.external import ExternalSigner
from packages_app.signing.open_signer import is_address, unproven_signer
from packages_app.signing.openpgp import OpenPgpSigner, keep_key
from packages_app.signing.signing_keys import is_public


@dataclass(frozen=True)
class KeyHere:
    """A key as it is given: armored, or by an address of a signer, which is never shown; its public certificate.

    `fingerprint` is that of the primary key, upper-case hex; `is_public` says that there is no secret half. `signing`
    says which key of the certificate others keep for us, by its fingerprint; "" where the key itself is given.
    """

    given: str = field(repr=False)
    fingerprint: str
    certificate: bytes
    is_public: bool
    signing: str = ""

    @property
    def kind(self) -> str:
        """How it is given: `public`, `armored`, or the scheme of a signer's address, such as `awskms`."""
        if self.is_public:
            return "public"
        return self.given.partition(":")[0].lower() if is_address(self.given) else "armored"

    def role_by(self, decided: Mapping[str, Decided]) -> KeyRole:
        """Return what the key is for, by what was decided of keys."""
        known = decided.get(self.fingerprint)
        role = known.role if known is not None else KeyRole.SIGNS
        return KeyRole.TRUSTED if role is KeyRole.SIGNS and self.is_public else role


def open_key(given: str, certificates: str = "") -> KeyHere:
    """Return the key that is given; raise `SigningKeyError` for what is none, and as `open_signer` does.

    `certificates` has the armored public certificate that goes with an address.
    """
    if is_public(given):
        try:
            certificate = Cert.from_bytes(given.encode())
        except Exception as error:  # pysequoia raises plain exceptions
            raise SigningKeyError(
                "A public key of SIGNING_KEY can't be read.",
                remedy="Give SIGNING_KEY what `gpg --armor --export KEYID` prints.",
            ) from error
        return KeyHere(given, certificate.fingerprint.upper(), bytes(certificate), is_public=True)
    signer = unproven_signer(given, certificates=certificates)
    signing = signer.signing_key if isinstance(signer, ExternalSigner) else ""
    return KeyHere(given, signer.fingerprint, signer.public_keyring(), is_public=False, signing=signing)


def added_folder(key_file: Path) -> Path:
    """Return the folder of the keys that were added to a home whose own key is `key_file`."""
    return key_file.with_name(SIGNING_KEYS)


def added_keys(key_file: Path) -> list[str]:
    """Return the armored keys that were added to a home, by name; one that vanishes meanwhile is the home's own now."""
    found = []
    for path in sorted(added_folder(key_file).glob("*.asc")):
        try:
            found.append(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
    return found


def revocation_file(key_file: Path, fingerprint: str) -> Path:
    """Return where the revocation certificate of a key is kept in the home whose own key is `key_file`."""
    return added_folder(key_file) / f"{fingerprint}.rev"


def keep_revocation(key_file: Path, armored: str) -> Path:
    """Keep a revocation certificate of a secret key of a home, unless it is there; return its file, mode 0600.

    Whoever imports it, or gets it in a keyring, trusts the key no more.
    """
    path = revocation_file(key_file, OpenPgpSigner(armored).fingerprint)
    path.parent.mkdir(mode=FOLDER_MODE, exist_ok=True)
    keep_key(path, lambda: _revocation_of(armored))
    return path


def _revocation_of(armored: str) -> str:
    key = Tsk.from_bytes(armored.encode())
    certificate = key.extract_certificate()
    revocation = certificate.revoke(certifier=key.certifier())
    return str(Cert.from_bytes(bytes(certificate) + bytes(revocation)))
