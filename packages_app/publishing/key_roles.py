"""What each of several keys is for, kept in staging: `keys/roles.json`. With one key there is no such file.

Only what was decided stands there; a key of which it says nothing signs. So an installation that has lost its staging
signs with every key that it has, which clients accept whichever of them they know (docs/decisions/0008).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from packages_app.core.errors import ObjectNotFound, SigningKeyError
from packages_app.core.ports import ObjectStore

ROLES = "keys/roles.json"


class KeyRole(StrEnum):
    """What a key is for."""

    SIGNS = "signs"
    """It is in the keyring and signs."""
    TRUSTED = "trusted"
    """It is in the keyring and signs nothing."""
    RETIRED = "retired"
    """It is neither in the keyring nor signs, though it may still be given."""


@dataclass(frozen=True)
class Decided:
    """What was decided of a key, when (UTC, whole seconds) and by whom."""

    role: KeyRole
    since: datetime
    who: str


def read_roles(staging: ObjectStore) -> dict[str, Decided]:
    """Return what was decided of keys by the fingerprint of the primary key, upper-case hex; nothing where none was.

    Raise `SigningKeyError` for a file that can't be read: a key that was stolen may be retired there.
    """
    return _read(staging)[0]


def decide_role(staging: ObjectStore, fingerprint: str, decided: Decided) -> None:
    """Keep what was decided of a key. Raise `ObjectChanged` or `ObjectExists` when another did at the same time."""
    roles, etag = _read(staging)
    staging.put(ROLES, _text({**roles, fingerprint: decided}), if_none_match=etag is None, if_match=etag)


def _read(staging: ObjectStore) -> tuple[dict[str, Decided], str | None]:
    try:
        body, etag = staging.read_with_etag(ROLES)
    except ObjectNotFound:
        return {}, None
    try:
        return {
            fingerprint: Decided(KeyRole(one["role"]), datetime.fromisoformat(one["since"]), one["who"])
            for fingerprint, one in json.loads(body).items()
        }, etag
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SigningKeyError(
            f"{ROLES} in staging, which says what each signing key is for, can't be read.",
            remedy="Take every key out of SIGNING_KEY that must not sign; then delete that object.",
        ) from error


def _text(roles: Mapping[str, Decided]) -> bytes:
    plain = {
        fingerprint: {"role": one.role.value, "since": one.since.isoformat(), "who": one.who}
        for fingerprint, one in sorted(roles.items())
    }
    return json.dumps(plain, indent=1).encode()
