"""How keys stand as a worker saw it last, for who may not have them: an object in staging with public halves alone.

The web process has no key (WITHHELD) and may read little of the bucket. Whoever has the keys tells: each step of a
change of keys, and the clock with the expiry dates.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pysequoia import ArmorKind, Cert, armor

from packages_app.core.errors import ObjectNotFound
from packages_app.publishing.key_roles import Decided, KeyRole
from packages_app.publishing.keys_here import KeyHere
from packages_app.services import adapters
from packages_app.services.archives import present_archive
from packages_app.services.keys.home_keys import keep_revocations
from packages_app.services.keys.standing import BootstrapVersion, Standing, look_at_keys, standing_of

TOLD = "keys/told.json"


@dataclass(frozen=True)
class Told:
    """How keys stood when a worker looked. `are_set` says that SIGNING_KEY names them, not the home.

    `kinds` says how each key is given, by fingerprint: as `KeyHere.kind`.
    """

    at: datetime
    are_set: bool
    standing: Standing
    kinds: Mapping[str, str]


def tell_keys() -> Standing:
    """Keep how keys stand now for who may not have them; return it.

    A revocation certificate is kept of each key of the home that has none. Raise as `look_at_keys`.
    """
    standing = look_at_keys()
    keep_revocations()
    adapters.staging().put(TOLD, json.dumps(_plain(standing), indent=1).encode())
    return standing


def told_keys() -> Told | None:
    """Return how keys stood when a worker looked last; None where none has, or one of another release.

    Raise the errors of the store.
    """
    try:
        return _told(json.loads(adapters.staging().read(TOLD)))
    except (ObjectNotFound, ValueError, KeyError, TypeError):
        return None


def _told(said: Mapping[str, Any]) -> Told:
    bootstraps = tuple(
        BootstrapVersion(one["package"], one["version"], one["suite"], frozenset(one["keys"]), _read_time(one["since"]))
        for one in said["bootstraps"]
    )
    suites = {suite: frozenset(keys) for suite, keys in said["suites"].items()}
    root = frozenset(said["root"])
    keys = tuple(standing_of(*_read_key(one), suites, root, bootstraps) for one in said["keys"])
    standing = Standing(keys, suites, root, bootstraps, _read_time(said["since"]))
    kinds = {one["fingerprint"]: one["kind"] for one in said["keys"]}
    return Told(datetime.fromisoformat(said["at"]), said["are_set"], standing, kinds)


def _plain(standing: Standing) -> dict[str, Any]:
    return {
        "at": adapters.now().replace(microsecond=0).isoformat(),
        "are_set": bool(present_archive().signing_key),
        "keys": [
            {
                "fingerprint": key.fingerprint,
                "certificate": armor(key.here.certificate, ArmorKind.PublicKey),
                "is_public": key.here.is_public,
                "signing": key.here.signing,
                "kind": key.here.kind,
                "role": str(key.role),
                "since": _time(key.decided.since if key.decided else None),
                "who": key.decided.who if key.decided else "",
            }
            for key in standing.keys
        ],
        "suites": {suite: sorted(keys) for suite, keys in standing.suites.items()},
        "root": sorted(standing.root),
        "bootstraps": [
            {
                "package": one.package,
                "version": one.version,
                "suite": one.suite,
                "keys": sorted(one.keys),
                "since": _time(one.since),
            }
            for one in standing.bootstraps
        ],
        "since": _time(standing.since),
    }


def _read_key(one: Mapping[str, Any]) -> tuple[KeyHere, KeyRole, Decided | None]:
    certificate = bytes(Cert.from_bytes(one["certificate"].encode()))
    here = KeyHere("", one["fingerprint"], certificate, one["is_public"], one["signing"])
    since, role = _read_time(one["since"]), KeyRole(one["role"])
    return here, role, Decided(role, since, one["who"]) if since is not None else None


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""


def _read_time(said: str) -> datetime | None:
    return datetime.fromisoformat(said) if said else None
