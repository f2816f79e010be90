"""The change from one signing key to the next, a step at a time, each of which opens once the one before is seen done.

1 add the next key; 2 bring it to clients: keyring, bootstrap package, Releases signed by both; 3 wait for them; 4 sign
by the new one alone; 5 the old one leaves the keyring. Where it stands is read off what clients are given.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from packages_app.core.errors import SigningKeyError
from packages_app.core.outcome import Outcome
from packages_app.core.ports import Progress
from packages_app.models import Publication
from packages_app.publishing.key_roles import Decided, KeyRole, decide_role
from packages_app.publishing.publication_options import DEFAULT_OPTIONS, PublicationOptions
from packages_app.services import adapters
from packages_app.services.intake.bootstrap_values import templates_of
from packages_app.services.intake.build_bootstrap import build_and_take_in, next_version
from packages_app.services.keys.home_keys import put_aside
from packages_app.services.keys.standing import KeyStanding, Standing, look_at_keys, signers_of
from packages_app.services.keys.told import tell_keys
from packages_app.services.publication.publish import publish

WAIT_DAYS = 30
"""So long clients are given to fetch the bootstrap package, unless a person says otherwise."""


class Step(IntEnum):
    """What comes next."""

    ADD = 1
    SHIP = 2
    WAIT = 3
    SIGN = 4
    LEAVE = 5


class RotationUnfinished(SigningKeyError):
    """A step is not done, or not seen done, so that the next one does not open."""

    code = "rotation_unfinished"
    outcome = Outcome.REFUSED


class LastKey(SigningKeyError):
    """The only key that signs is to be retired."""

    code = "last_key"
    outcome = Outcome.REFUSED


@dataclass(frozen=True)
class Rotation:
    """How far a change of keys is: the step that comes next, by their fingerprints the old keys and the new one.

    `lacking` says in sentences what is not so yet that the step brings about. `since` is when clients could first fetch
    the new key with the bootstrap package, `opens` when step 4 does.
    """

    step: Step
    old: tuple[str, ...]
    new: str
    lacking: tuple[str, ...] = ()
    since: datetime | None = None
    opens: datetime | None = None


NO_CHANGE = Rotation(Step.ADD, (), "")
"""Where no key signs, so that none can follow it."""


def rotation_of(standing: Standing, now: datetime, wait: timedelta = timedelta(days=WAIT_DAYS)) -> Rotation:
    """Return how far the change of keys is that a standing shows; raise `SigningKeyError` where no key signs."""
    signing = [key.fingerprint for key in standing.keys if key.role is KeyRole.SIGNS]
    trusted = tuple(key.fingerprint for key in standing.keys if key.role is KeyRole.TRUSTED)
    if not signing:
        raise LastKey("No key signs.", remedy="Give SIGNING_KEY a secret key.")
    new = signing[-1]
    if len(signing) > 1:
        old = (*signing[:-1], *trusted)
        if lacking := _lacking(standing, signing, {*signing, *trusted}):
            return Rotation(Step.SHIP, old, new, lacking)
        since = standing.since
        opens = since + wait if since is not None else None
        waits = opens is None or now < opens
        return Rotation(Step.WAIT if waits else Step.SIGN, old, new, since=since, opens=opens)
    if trusted:
        lacking = _lacking(standing, signing, {*signing, *trusted})
        return Rotation(Step.SIGN if lacking else Step.LEAVE, trusted, new, lacking)
    lacking = _lacking(standing, signing, set(signing))
    return Rotation(Step.LEAVE, (), new, lacking) if lacking else Rotation(Step.ADD, (), new)


def _lacking(standing: Standing, signing: Collection[str], keyring: Collection[str]) -> tuple[str, ...]:
    """Return where clients are given other keys than they are to be."""
    wanted, said = frozenset(keyring), []
    said += [
        f"suite {suite} is signed by {_named(signers)}"
        for suite, signers in standing.suites.items()
        if signers != frozenset(signing)
    ]
    if standing.suites and standing.root != wanted:
        said.append(f"the keyring in the root holds {_named(standing.root)}")
    said += [
        f"{one.package} {one.version} of suite {one.suite} holds {_named(one.keys)}"
        for one in standing.bootstraps
        if one.keys != wanted
    ]
    return tuple(said)


def ship(
    progress: Progress, who: str, *, anew: bool = False, options: PublicationOptions = DEFAULT_OPTIONS
) -> Standing:
    """Bring clients the keyring as it is now: bootstrap packages are built anew, suites signed; return how keys stand.

    With `anew` packages are built that hold these keys already, since a certificate has changed. Safe to repeat. Raise
    `RotationUnfinished` where that is not seen afterwards, and the errors of a build and of a publication.
    """
    standing = look_at_keys()
    signing = frozenset(key.fingerprint for key in standing.keys if key.role is KeyRole.SIGNS)
    keyring = signing | {key.fingerprint for key in standing.keys if key.role is KeyRole.TRUSTED}
    holding = {one.package: one.keys for one in standing.bootstraps}
    for definition in adapters.definitions().bootstrap_packages():
        if templates_of(definition) is not None and (anew or holding.get(definition.name) != keyring):
            build_and_take_in(definition.name, next_version(definition.name, "minor"), progress, who=who)
    default = adapters.repository().default_suite.name
    for suite in sorted({*standing.suites, default}):
        publish(suite, progress, options=options)
        if signers_of(suite) != signing:
            options = PublicationOptions(resign=True)
            publish(suite, progress, options=options, kind=Publication.Kind.REFRESH)
    progress.step("look at what clients are given")
    standing = tell_keys()
    if lacking := _lacking(standing, signing, keyring):
        raise RotationUnfinished(
            f"Not all is as it should be: {'; '.join(lacking)}.",
            remedy="Mend what is named (publish says why a suite is not), then say keys rotate again.",
        )
    return standing


def sign_by_new_alone(progress: Progress, who: str, *, waited: bool) -> Standing:
    """Let the new key sign alone; the old ones stay in the keyring. Return how keys stand.

    `waited` says that a person has waited long enough for clients. Safe to repeat. Raise `RotationUnfinished` before
    the new key was brought to clients, and as `ship`.
    """
    rotation = rotation_of(look_at_keys(), adapters.now())
    if rotation.step is Step.WAIT and not waited:
        opens = f"on {rotation.opens:%Y-%m-%d}" if rotation.opens is not None else "when a person says so"
        raise RotationUnfinished(
            f"Clients are given time to fetch {rotation.new}: the next step opens {opens}.",
            remedy="Wait, or say keys rotate --waited: clients that lack the bootstrap package's new version are"
            " locked out then.",
        )
    if rotation.step not in (Step.WAIT, Step.SIGN):
        raise RotationUnfinished(
            f"The new key is not with clients: {'; '.join(rotation.lacking) or 'there is none'}.",
            remedy="Take the steps before: keys rotate.",
        )
    _decide(rotation.old, KeyRole.TRUSTED, who)
    return ship(progress, who)


def leave_keyring(progress: Progress, who: str) -> Standing:
    """Take the old keys out of the keyring and put their files aside; return how keys stand. Safe to repeat.

    Raise `RotationUnfinished` while one of them signs, and as `ship`.
    """
    rotation = rotation_of(look_at_keys(), adapters.now())
    if rotation.step is not Step.LEAVE:
        raise RotationUnfinished(
            "The old key still signs, or did when clients looked last.", remedy="Take the steps before: keys rotate."
        )
    _retire(rotation.old, who)
    return ship(progress, who)


def retire_key(fingerprint: str, progress: Progress, who: str) -> Standing:
    """Take one key out of use that no client needs: one that only is trusted, or the next one, which is given up.

    Return how keys stand. Raise `LastKey` for the only one that signs, `RotationUnfinished` for one that clients know
    while the next has not taken over, `KeyUnknown`, and as `ship`.
    """
    standing = look_at_keys()
    key = standing.of(fingerprint)
    signing = [one.fingerprint for one in standing.keys if one.role is KeyRole.SIGNS]
    if signing == [key.fingerprint]:
        raise LastKey(
            f"{key.fingerprint} is the only key that signs.", remedy="Add the next one first: keys add, keys rotate."
        )
    if key.fingerprint in signing[:-1]:
        raise RotationUnfinished(
            f"Clients know {key.fingerprint}, and the next key has not taken over.",
            remedy="Go on with keys rotate; when this key is lost or stolen, keys lost.",
        )
    if key.signs:  # what clients have bears its signature: it goes as an old key does, a step after the other
        _decide([key.fingerprint], KeyRole.TRUSTED, who)
        ship(progress, who)
    _retire([key.fingerprint], who)
    return ship(progress, who)


def retire_lost(key: KeyStanding, who: str) -> None:
    """Take a key out of use at once, whatever clients know. Nothing is published."""
    _retire([key.fingerprint], who)


def _retire(fingerprints: Collection[str], who: str) -> None:
    _decide(fingerprints, KeyRole.RETIRED, who)
    for fingerprint in fingerprints:
        put_aside(fingerprint)


def _decide(fingerprints: Collection[str], role: KeyRole, who: str) -> None:
    for fingerprint in fingerprints:
        decided = Decided(role, adapters.now().replace(microsecond=0), who)
        decide_role(adapters.staging(), fingerprint, decided)


def _named(keys: Collection[str]) -> str:
    return ", ".join(sorted(keys)) or "no key"
