"""The change of keys as a guided way: each of the five steps with what is done, how far it is, and why not yet.

Where SIGNING_KEY names the keys no process may write it: the lines are told that its operator types instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from packages_app.publishing.key_roles import KeyRole
from packages_app.services.keys.rotation import Rotation, Step
from packages_app.services.keys.standing import KeyStanding
from packages_app.services.keys.told import Told
from packages_app.services.keys.work import Work

_DONE_BY = {
    Step.ADD: (
        "Add the next key",
        "It lies beside the first, with a revocation certificate. Clients notice nothing. Its kind and validity are"
        " checked.",
        Work.ADD,
        "Make the next key",
    ),
    Step.SHIP: (
        "Bring it to clients",
        "It goes into the keyring, the bootstrap packages are built anew, checked and published, and every Release is"
        " signed by all keys: whoever knows one of them goes on.",
        Work.SHIP,
        "Ship it and sign with both",
    ),
    Step.WAIT: (
        "Wait for clients",
        "They fetch the new bootstrap package as any other upgrade. Who has not when the next step is taken is locked"
        " out, until somebody types the two lines that set a client up.",
        None,
        "",
    ),
    Step.SIGN: (
        "Sign by the new key alone",
        "The old key stays in the keyring and signs nothing any more.",
        Work.SIGN,
        "Sign by the new key alone",
    ),
    Step.LEAVE: (
        "The old key leaves the keyring",
        "The next bootstrap packages are built without it, and its file is put aside. It can't come back.",
        Work.LEAVE,
        "Take it out of the keyring",
    ),
}


class HowFar(StrEnum):
    """How far a step is."""

    DONE = "done"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True)
class GuidedStep:
    """A step of the guided way. `not_yet` says in sentences what lacks before it is done or opens.

    `work` is what its button asks for, None where there is none; `early` that the button needs a person's word that
    clients had time. `by_hand` are the lines that the operator types, where the web can't.
    """

    number: int
    name: str
    what: str
    progress: HowFar
    not_yet: tuple[str, ...]
    work: Work | None
    button: str
    early: bool = False
    by_hand: tuple[str, ...] = ()


def guided_steps(told: Told, rotation: Rotation) -> tuple[GuidedStep, ...]:
    """Return the five steps, as far as the change of keys is."""
    return tuple(_step(step, told, rotation) for step in Step)


def _step(step: Step, told: Told, rotation: Rotation) -> GuidedStep:
    name, what, work, button = _DONE_BY[step]
    if step < rotation.step:
        return GuidedStep(step, name, what, HowFar.DONE, (), None, "")
    if step is Step.WAIT and rotation.step is Step.WAIT:
        return GuidedStep(step, name, what, HowFar.OPEN, _waited_for(rotation), None, "")
    if step is Step.SIGN and rotation.step is Step.WAIT:
        return GuidedStep(step, name, what, HowFar.CLOSED, ("Clients had no time yet.",), work, button, early=True)
    if step > rotation.step:
        before = f"Step {step - 1}, {_DONE_BY[Step(step - 1)][0].lower()}, comes first."
        return GuidedStep(step, name, what, HowFar.CLOSED, (before,), None, "")
    if step is Step.ADD and told.are_set:
        return GuidedStep(step, name, what, HowFar.OPEN, (), None, "", by_hand=lines_to_add(told))
    return GuidedStep(step, name, what, HowFar.OPEN, rotation.lacking, work, button)


def _waited_for(rotation: Rotation) -> tuple[str, ...]:
    since = f"since {rotation.since:%Y-%m-%d}" if rotation.since else "since nobody knows when"
    opens = f"Step 4 opens by itself on {rotation.opens:%Y-%m-%d}." if rotation.opens else "Step 4 opens by your word."
    return (f"Clients could fetch the new key {since}. {opens}",)


def lines_to_add(told: Told) -> tuple[str, ...]:
    """Return the lines that add a next key where SIGNING_KEY names the keys, by the kind of the one that leads."""
    kind = next((told.kinds[key.fingerprint] for key in told.standing.keys if not key.here.is_public), "armored")
    return (*_LINES.get(kind, _LINES["command"]), "# start the processes again, on every host; then look again here")


_CERTIFICATE = (
    "SIGNING_KEY='{next}' manage.py make_certificate next.asc",
    "cat next.asc >> …  # the file that SIGNING_CERTIFICATE_FILE names",
    "SIGNING_KEY='…,{next}'  # … is what it says now",
)
_LINES: Mapping[str, tuple[str, ...]] = {
    "armored": (
        "gpg --batch --passphrase '' --quick-gen-key 'Archive signing key' ed25519 sign never",
        "gpg --armor --export-secret-keys FINGERPRINT >> …  # behind what SIGNING_KEY has, or its file",
    ),
    "gpg": (
        "gpg --batch --passphrase '' --quick-gen-key 'Archive signing key' ed25519 sign never",
        "SIGNING_KEY='…,gpg:FINGERPRINT'  # … is what it says now",
    ),
    "awskms": (
        "aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_EDWARDS25519",
        "aws kms create-alias --alias-name alias/apt-next --target-key-id KEY-ID",
        *(line.format(next="awskms:///alias/apt-next") for line in _CERTIFICATE),
    ),
    "pkcs11": (
        "pkcs11-tool --module MODULE --token-label TOKEN --login --keypairgen --key-type EC:edwards25519 --id 02",
        *(
            line.format(next="pkcs11:token=TOKEN;id=%02?module-path=MODULE&pin-source=file:PIN")
            for line in _CERTIFICATE
        ),
    ),
    "command": tuple(line.format(next="command:/path of-the-next-key") for line in _CERTIFICATE),
}


def place_of(key: KeyStanding, rotation: Rotation) -> str:
    """Return in words what a key is for, in the change of keys that is under way."""
    if key.role is KeyRole.RETIRED:
        return "retired: neither signs nor is in the keyring"
    if key.role is KeyRole.TRUSTED:
        if key.here.is_public:
            return "in the keyring by its public half; its secret half is elsewhere"
        return "retiring: in the keyring, signs nothing"
    by = " by a subkey, its primary key is offline" if key.here.signing not in ("", key.fingerprint) else ""
    if rotation.old and key.fingerprint == rotation.new and rotation.step < Step.LEAVE:
        return f"next: signs beside the old one{by}" if key.signs else f"next: not with clients yet{by}"
    if key.fingerprint in rotation.old:
        return f"signs{by}, until the next one signs alone"
    return f"signs{by}"


def ending_of(key: KeyStanding, now: datetime) -> str:
    """Return what is wrong with a key, or ends before long, as a sentence; "" where nothing is."""
    if key.fault is not None:
        return str(key.fault)
    return key.facts.ends_soon(now) if key.facts is not None else ""


def still_set(told: Told) -> tuple[str, ...]:
    """Return the fingerprints of retired keys that SIGNING_KEY still names: whoever reads it has them."""
    return tuple(key.fingerprint for key in told.standing.keys if key.role is KeyRole.RETIRED and told.are_set)
