"""The key in use held against those that clients meet: InRelease's, the root's, and those in bootstrap packages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from packages_app.core.errors import InvalidDeb, ObjectNotFound
from packages_app.core.layout import suite_path
from packages_app.core.repository import Suite
from packages_app.debian.keyrings import keyrings_in
from packages_app.publishing.place import is_another_key, named_keys, read_place
from packages_app.publishing.root import root_keys
from packages_app.services import adapters
from packages_app.signing.openpgp import proves
from packages_app.signing.unproven import keys_in
from packages_app.verification.finding import Cure, Finding

KEY_CHANGED = "signing_key_changed"
BOOTSTRAP_KEY = "bootstrap_key_differs"
_ROOT_KEY = "root_differs"


def key_findings() -> Iterator[Finding]:
    """Find each other key in the suites, the root, and the bootstrap packages on offer, by the table's word of these.

    Raise the errors of table, store and key.
    """
    repository = adapters.repository()
    for suite in repository.suites:
        yield from suite_key_findings(suite)
    signer = adapters.signer()
    in_root = set(root_keys(adapters.bucket(), repository).values())
    if in_root and (lacking := [one for one in signer.fingerprints if one not in in_root]):
        text = f"It holds {', '.join(sorted(in_root))}, not the key in use {named_keys(lacking)}."
        yield Finding(_ROOT_KEY, repository.keyring_key, text, Cure.PUBLISH, repository.default_suite.name)
    for definition in adapters.definitions().bootstrap_packages():
        records = list(adapters.package_table().versions_of(definition.name))
        newest = {suite: record for record in records for suite in record.suites}
        paths = {record.pool_path: suite for suite, record in newest.items() if repository.suite(suite) is not None}
        for path, suite_name in paths.items():
            yield from _bootstrap_findings(path, suite_name)


def suite_key_findings(suite: Suite) -> list[Finding]:
    """Find another key that signed what is in place of a suite, or what its clients were given last."""
    signer = adapters.signer()
    published = read_place(adapters.bucket(), adapters.repository(), suite.name, signer)
    given = adapters.package_table().last_given(suite.name)
    said = []
    odd = published.unrecognised
    if odd is not None and odd.is_anothers:
        known = root_keys(adapters.bucket(), adapters.repository())
        keys = sorted({known.get(claim.key, claim.key) for claim in odd.claims})
        said.append(f"It was signed with {', '.join(keys)}")
    if given is not None and is_another_key(given, signer):
        signed = f"{named_keys(given.fingerprints)} signed on {given.date:%Y-%m-%d %H:%M:%S} UTC"
        said.append(f"clients were given what {signed}")
    if not said:
        return []
    text = (
        f"{'; '.join(said)}; the key in use is {named_keys(signer.fingerprints)}. Give SIGNING_KEY the other one, or"
        " show clients the change: force_rebuild --new-key."
    )
    return [Finding(KEY_CHANGED, suite_path(suite.name, "InRelease"), text, Cure.NONE, suite.name)]


def bootstrap_key_findings(suite: Suite, newest_path_of: Mapping[str, str]) -> list[Finding]:
    """Find bootstrap packages of a suite whose keyring lacks the key in use; their newest pool paths come by name."""
    return [
        finding
        for definition in adapters.definitions().bootstrap_packages()
        if definition.name in newest_path_of
        for finding in _bootstrap_findings(newest_path_of[definition.name], suite.name)
    ]


def _bootstrap_findings(path: str, suite: str) -> list[Finding]:
    try:
        with adapters.bucket().as_local_file(path) as file:
            keyrings = keyrings_in(file)
    except (ObjectNotFound, InvalidDeb):
        return []  # a file that is gone or damaged is a finding of its own
    signer = adapters.signer()
    in_use = named_keys(signer.fingerprints)
    held = {key for body in keyrings.values() for key in keys_in(body).values()}
    if not held or any(proves(body, signer) for body in keyrings.values()):
        return []
    holds = f"holds {', '.join(sorted(held))}, not the key in use {in_use}"
    if held.intersection(signer.fingerprints):
        holds = f"holds the key in use {in_use} as it was, without the subkey that signs now"
    text = (
        f"Its keyring {holds}: clients that install it refuse the suite."
        " Build its next version, or give SIGNING_KEY that key."
    )
    return [Finding(BOOTSTRAP_KEY, path, text, Cure.NONE, suite)]
