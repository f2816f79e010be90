"""What each signing key is for, and what clients have of it: read off keys, roles, bucket and table, kept nowhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pysequoia import Cert

from packages_app.core.errors import InvalidDeb, ObjectNotFound, SigningKeyError
from packages_app.core.layout import suite_path
from packages_app.core.record import PackageRecord
from packages_app.debian.keyrings import keyrings_in
from packages_app.publishing.key_roles import Decided, KeyRole, read_roles
from packages_app.publishing.keys_here import KeyHere
from packages_app.publishing.root import root_keys
from packages_app.services import adapters
from packages_app.signing.key_facts import KeyFacts, key_facts
from packages_app.signing.unproven import claims_of, keys_in


@dataclass(frozen=True)
class BootstrapVersion:
    """A version of a bootstrap package that a suite shows as its newest: the keys in it, and since when it is there."""

    package: str
    version: str
    suite: str
    keys: frozenset[str]
    since: datetime | None


@dataclass(frozen=True)
class KeyStanding:
    """A key: what it is for, decided when, and by whom; the suites that it signs, and the bootstrap versions with it.

    `facts` is None of a key that clients refuse; `fault` then says why.
    """

    here: KeyHere
    role: KeyRole
    decided: Decided | None
    facts: KeyFacts | None
    fault: SigningKeyError | None
    signs: tuple[str, ...]
    in_root: bool
    bootstraps: tuple[BootstrapVersion, ...]

    @property
    def fingerprint(self) -> str:
        """The primary key's, upper-case hex."""
        return self.here.fingerprint

    @property
    def public_armored(self) -> str:
        """The public certificate, ASCII-armored."""
        return str(Cert.from_bytes(self.here.certificate))


@dataclass(frozen=True)
class Standing:
    """All keys, the leading one first, beside what is in place."""

    keys: tuple[KeyStanding, ...]
    suites: Mapping[str, frozenset[str]]
    """The keys that signed each suite that has an InRelease."""
    root: frozenset[str]
    bootstraps: tuple[BootstrapVersion, ...]
    since: datetime | None = None
    """While several keys sign: since when clients can fetch the last of them with the bootstrap package."""

    @property
    def signing(self) -> tuple[str, ...]:
        """The fingerprints of the keys that are to sign, the leading one first."""
        return tuple(key.fingerprint for key in self.keys if key.role is KeyRole.SIGNS)

    def of(self, fingerprint: str) -> KeyStanding:
        """Return a key by its fingerprint or the end of it (a key ID of 16 digits); raise `KeyUnknown`."""
        wanted = fingerprint.upper().replace(" ", "").removeprefix("0X")
        found = [key for key in self.keys if len(wanted) >= _KEY_ID_LENGTH and key.fingerprint.endswith(wanted)]
        if len(found) != 1:
            known = ", ".join(key.fingerprint for key in self.keys)
            raise KeyUnknown(
                f"There is no signing key {fingerprint[:_LONGEST_SHOWN]!r}.", remedy=f"Name one of {known}."
            )
        return found[0]


_KEY_ID_LENGTH, _LONGEST_SHOWN = 16, 80


class KeyUnknown(SigningKeyError):
    """A fingerprint names no signing key that there is."""

    code = "key_unknown"


def look_at_keys() -> Standing:
    """Return how keys stand now; raise the errors of table, stores and keys."""
    here, decided = adapters.keys_here(), read_roles(adapters.staging())
    repository = adapters.repository()
    in_root = root_keys(adapters.bucket(), repository)
    primaries = _primaries(here, in_root)
    signed = ((suite.name, _signers(suite.name, primaries)) for suite in repository.suites)
    suites = {name: signers for name, signers in signed if signers}
    root, bootstraps = frozenset(in_root.values()), tuple(_bootstraps(set(suites)))
    known = decided if len(here) > 1 else {}
    keys = tuple(
        standing_of(key, key.role_by(known), known.get(key.fingerprint), suites, root, bootstraps) for key in here
    )
    standing = Standing(keys, suites, root, bootstraps)
    if len(standing.signing) > 1:
        return replace(standing, since=_carried_since(standing.signing[-1]))
    return standing


def signers_of(suite: str) -> frozenset[str]:
    """Return the keys that signed what is in place of a suite; none where nothing is. Raise as `look_at_keys`."""
    in_root = root_keys(adapters.bucket(), adapters.repository())
    return _signers(suite, _primaries(adapters.keys_here(), in_root))


def _primaries(here: Iterable[KeyHere], in_root: Mapping[str, str]) -> dict[str, str]:
    """Return primary keys by the fingerprints of all keys that are known."""
    return {**in_root, **{name: key.fingerprint for key in here for name in keys_in(key.certificate)}}


def _signers(suite: str, primaries: Mapping[str, str]) -> frozenset[str]:
    claims = claims_of(_read(suite_path(suite, "InRelease")))
    return frozenset(primaries.get(claim.key, claim.key) for claim in claims)


def standing_of(
    here: KeyHere,
    role: KeyRole,
    decided: Decided | None,
    suites: Mapping[str, frozenset[str]],
    root: frozenset[str],
    bootstraps: tuple[BootstrapVersion, ...],
) -> KeyStanding:
    """Return how a key stands, by what is in place: suites with their signers, the root's keys, bootstrap packages."""
    facts, fault = None, None
    try:
        facts = key_facts(here.certificate)
    except SigningKeyError as error:
        fault = error
    return KeyStanding(
        here,
        role,
        decided,
        facts,
        fault,
        tuple(sorted(suite for suite, signers in suites.items() if here.fingerprint in signers)),
        here.fingerprint in root,
        tuple(one for one in bootstraps if here.fingerprint in one.keys),
    )


def _bootstraps(suites: set[str]) -> list[BootstrapVersion]:
    """Return the newest version of each bootstrap package in each suite that is published."""
    found = []
    for definition in adapters.definitions().bootstrap_packages():
        newest: dict[str, PackageRecord] = {}
        for record in adapters.package_table().versions_of(definition.name):
            newest |= dict.fromkeys(suites.intersection(record.suites), record)
        found += [
            BootstrapVersion(record.package_name, record.version, suite, keys_of_version(record), taken_in(record))
            for suite, record in sorted(newest.items())
        ]
    return found


def _carried_since(fingerprint: str) -> datetime | None:
    """Return since when the newest versions of the bootstrap packages hold a key; of several the latest.

    Where there is no bootstrap package, since when the keyring in the root is as it is.
    """
    found = []
    for definition in adapters.definitions().bootstrap_packages():
        since = None
        for record in reversed(list(adapters.package_table().versions_of(definition.name))):
            if fingerprint not in keys_of_version(record):
                break
            since = taken_in(record)
        found += [since] if since is not None else []
    if found:
        return max(found)
    keyring = adapters.bucket().head(adapters.repository().keyring_key)
    return keyring.modified if keyring is not None else None


def keys_of_version(record: PackageRecord) -> frozenset[str]:
    """Return the keys in a version of a bootstrap package; none of a file that is gone or damaged."""
    try:
        with adapters.bucket().as_local_file(record.pool_path) as file:
            keyrings = keyrings_in(file)
    except (ObjectNotFound, InvalidDeb):
        return frozenset()
    return frozenset(key for body in keyrings.values() for key in keys_in(body).values())


def taken_in(record: PackageRecord) -> datetime | None:
    """Return when a version was taken in, None where its record does not say."""
    try:
        said = datetime.fromisoformat(record.processed_timestamp)
    except ValueError:
        return None
    return said if said.tzinfo is not None else said.replace(tzinfo=UTC)


def _read(key: str) -> bytes:
    try:
        return adapters.bucket().read(key)
    except ObjectNotFound:
        return b""
