"""The key files of a home: one more is added, one that is done with is put aside. Nothing is ever half-done."""

from __future__ import annotations

import os
from pathlib import Path

from packages_app.core.errors import FileUnreadable, SigningKeyError
from packages_app.core.outcome import Outcome
from packages_app.publishing.key_roles import read_roles
from packages_app.publishing.keys_here import added_folder, added_keys, keep_revocation, open_key, revocation_file
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.signing.openpgp import OpenPgpSigner, generate_key, keep_key

_RETIRED = "retired"
_LONGEST_BYTES = 1024 * 1024


class KeyKnown(SigningKeyError):
    """A key that is to be added is there, or was retired."""

    code = "key_known"
    outcome = Outcome.REFUSED


class KeysAreSet(SigningKeyError):
    """Keys are given by SIGNING_KEY, which no command changes."""

    code = "keys_are_set"
    outcome = Outcome.REFUSED


def add_key(file: Path | None) -> str:
    """Add a key to the home, that of a file or one that is made; return its fingerprint.

    A revocation certificate is kept beside it from the beginning. Raise `SigningKeyError` for a key that clients
    refuse, that is locked, or that is there already, and where SIGNING_KEY names the keys; nothing changes then.
    """
    armored = _read(file) if file is not None else ""
    if armored:
        OpenPgpSigner(armored).prove()
        _check_unknown(open_key(armored).fingerprint)
    if present_archive().signing_key:
        raise KeysAreSet(
            "SIGNING_KEY names the keys of this installation.",
            remedy="Write the next key into it, behind those that are there (file:///PATH, or the armored key itself),"
            " and start the processes again; then go on with keys rotate.",
        )
    adapters.keys_here()  # raises where the home's own key is missed: another one must not take its place
    armored = armored or generate_key(adapters.name_of_keys())
    fingerprint = OpenPgpSigner(armored).fingerprint
    folder = added_folder(present_archive().signing_key_file)
    keep_revocation(present_archive().signing_key_file, armored)
    keep_key(folder / f"{fingerprint}.asc", lambda: armored)
    return fingerprint


def keep_revocations() -> None:
    """Keep a revocation certificate of each key of the home that has none, since it was made before there were any."""
    own: Path = present_archive().signing_key_file
    if present_archive().signing_key:
        return
    for armored in [*([own.read_text(encoding="utf-8")] if own.exists() else []), *added_keys(own)]:
        keep_revocation(own, armored)


def revocation_of(fingerprint: str) -> str:
    """Return the revocation certificate of a key of the home, armored; "" where there is none here."""
    file = revocation_file(present_archive().signing_key_file, fingerprint)
    return file.read_text(encoding="utf-8") if file.exists() else ""


def put_aside(fingerprint: str) -> None:
    """Put the file of a retired key aside; of one key that is left then, the file becomes the home's own again.

    Where SIGNING_KEY names the keys nothing is done. Each step leaves the keys readable that are not retired.
    """
    own: Path = present_archive().signing_key_file
    folder = added_folder(own)
    if present_archive().signing_key or not folder.is_dir():
        return
    (folder / _RETIRED).mkdir(mode=0o700, exist_ok=True)
    for path in (own, folder / f"{fingerprint}.asc"):
        if path.exists() and open_key(path.read_text(encoding="utf-8")).fingerprint == fingerprint:
            path.rename(folder / _RETIRED / f"{fingerprint}.asc")
    left = sorted(folder.glob("*.asc"))
    if not own.exists() and len(left) == 1:
        os.link(left[0], own)
        left[0].unlink()


def _check_unknown(fingerprint: str) -> None:
    if fingerprint in {key.fingerprint for key in adapters.keys_here()}:
        raise KeyKnown(f"The key {fingerprint} is there already.", remedy="Add another one; keys list names those.")
    if fingerprint in read_roles(adapters.staging()):
        raise KeyKnown(f"The key {fingerprint} was retired.", remedy="Add a key that was never in use here.")


def _read(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_LONGEST_BYTES).decode("ascii")
    except OSError as error:
        raise FileUnreadable(f"{file} can't be read: {error.strerror}.", remedy="Name a file with a key.") from error
    except UnicodeDecodeError:
        raise SigningKeyError(
            f"{file} is no armored key.", remedy="Give what `gpg --armor --export-secret-keys KEYID` prints."
        ) from None
