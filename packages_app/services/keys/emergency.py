"""When a key is lost or stolen: another one signs at once, and what that breaks is said; a key's expiry prolonged."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pysequoia import Cert, Tsk

from packages_app.core.ports import Progress
from packages_app.publishing.key_roles import KeyRole
from packages_app.publishing.keys_here import added_folder, revocation_file
from packages_app.publishing.publication_options import PublicationOptions
from packages_app.publishing.root import client_commands
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.keys.home_keys import KeysAreSet, add_key
from packages_app.services.keys.rotation import LastKey, retire_lost, ship
from packages_app.services.keys.standing import KeyStanding, Standing, look_at_keys
from packages_app.signing.openpgp import OpenPgpSigner, keep_key
from packages_app.signing.prolonged import prolonged


@dataclass(frozen=True)
class Emergency:
    """What follows when a key is given up: who signs then, who is locked out, and what these must type.

    `successor` is "" where a key is made. `known` names the bootstrap versions whose clients know the successor: they
    go on without a word. All others refuse the repository until they have typed `commands`.
    """

    lost: str
    successor: str
    known: tuple[str, ...]
    revocation: str
    commands: tuple[str, ...]


def plan_emergency(fingerprint: str) -> Emergency:
    """Return what giving up a key would mean; nothing changes.

    Raise `KeyUnknown`, and `LastKey` where SIGNING_KEY names no other key that could sign.
    """
    standing = _standing_or_none()
    if standing is None:
        return Emergency(fingerprint, "", (), "", _commands())
    return planned_of(standing, fingerprint, are_set=bool(present_archive().signing_key))


def planned_of(standing: Standing, fingerprint: str, *, are_set: bool) -> Emergency:
    """Return what giving up a key would mean, by how keys stand and whether SIGNING_KEY names them.

    Raise as `plan_emergency`.
    """
    key = standing.of(fingerprint)
    successors = _successors(standing, key)
    if not successors and are_set:
        raise LastKey(
            f"SIGNING_KEY names no key but {key.fingerprint} that could sign.",
            remedy="Make one with gpg, write it into SIGNING_KEY behind that one, and start the processes again.",
        )
    revocation = revocation_file(present_archive().signing_key_file, key.fingerprint)
    kept = str(revocation) if revocation.exists() else ""
    if not successors:
        return Emergency(key.fingerprint, "", (), kept, _commands())
    new = successors[-1]
    known = tuple(f"{one.package} {one.version} ({one.suite})" for one in new.bootstraps)
    return Emergency(key.fingerprint, new.fingerprint, known, kept, _commands())


def give_up(planned: Emergency, progress: Progress, who: str) -> Standing:
    """Take a lost or stolen key out of use and let the other one sign, which is made where there is none.

    Everything is signed anew and shown to clients, whether they know the key or not. Return how keys stand. Safe to
    repeat; raise as `ship`.
    """
    standing = _standing_or_none()
    if standing is None:
        adapters.make_key_of_home()
    else:
        key = standing.of(planned.lost)
        if not _successors(standing, key):
            progress.note(f"made the key {add_key(None)}")
        retire_lost(key, who)
    return show_to_all(progress, who)


def show_to_all(progress: Progress, who: str) -> Standing:
    """Sign everything anew by the keys as they are now, and show it to clients, whether they know them or not.

    Return how keys stand; raise as `ship`. Safe to repeat: it completes what was cut off while a key was given up.
    """
    return ship(progress, who, options=PublicationOptions(rebuild=True, new_key=True))


def prolong(fingerprint: str, until: datetime, progress: Progress, who: str) -> Standing:
    """Prolong a key of the home in place until a moment (UTC), its signing subkeys too, and bring that to clients.

    Return how keys stand. Raise `KeysAreSet` where SIGNING_KEY names it, `KeyUnknown`, `SigningKeyError` where the key
    would be no good afterwards (nothing changes then), and as `ship`.
    """
    key = look_at_keys().of(fingerprint)
    if present_archive().signing_key:
        raise KeysAreSet(
            "SIGNING_KEY names the keys of this installation.",
            remedy=f"gpg --quick-set-expire {key.fingerprint} DATE, export the key into SIGNING_KEY again, and build"
            " the next bootstrap package.",
        )
    armored = prolonged(key.here.given, until, adapters.now())
    signer = OpenPgpSigner(armored)
    signer.prove()
    own = present_archive().signing_key_file
    for path in (own, added_folder(own) / f"{key.fingerprint}.asc"):
        if path.exists() and path.read_text(encoding="utf-8") == key.here.given:
            _replace(path, armored)
    return ship(progress, who, anew=True)


def exported(fingerprint: str, until: datetime | None) -> str:
    """Return a key's public certificate, armored, with its expiry prolonged until a moment (UTC) where one is given.

    The key itself stays as it is. Raise `KeyUnknown`, and `SigningKeyError` for a key without its secret half here.
    """
    key = look_at_keys().of(fingerprint)
    certificate = Cert.from_bytes(key.here.certificate)
    if until is not None:
        certificate = Tsk.from_bytes(prolonged(key.here.given, until, adapters.now()).encode()).extract_certificate()
    return str(certificate)


def _successors(standing: Standing, lost: KeyStanding) -> list[KeyStanding]:
    return [
        key
        for key in standing.keys
        if key.role is KeyRole.SIGNS and key.fault is None and key.fingerprint != lost.fingerprint
    ]


def _standing_or_none() -> Standing | None:
    """Return how keys stand; None where the home has none any more, and none is set."""
    own: Path = present_archive().signing_key_file
    if not present_archive().signing_key and not own.exists() and not any(added_folder(own).glob("*.asc")):
        return None
    return look_at_keys()


def _commands() -> tuple[str, ...]:
    bootstraps = adapters.definitions().bootstrap_packages()
    return tuple(client_commands(present_archive().public_url, bootstraps[0] if bootstraps else None, ""))


def _replace(path: Path, armored: str) -> None:
    draft = path.with_name(f".{path.name}.prolonged")
    draft.unlink(missing_ok=True)
    keep_key(draft, lambda: armored)
    os.replace(draft, path)
