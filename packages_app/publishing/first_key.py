"""Whether a signing key may be made: only where table and bucket both show that nothing was ever published.

Where something was, clients know a key; another one, made silently, would lock out every one of them. Any object that
we write shows it, of whichever suite, and any record or note of the table, whatever the configuration says now.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from packages_app.core.definition import Definition
from packages_app.core.errors import InvalidDeb, ObjectNotFound, SigningKeyError, StoreMissing, TableMissing
from packages_app.core.layout import INDEX_PAGE, suite_path
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.core.repository import Repository
from packages_app.debian.keyrings import keyrings_in
from packages_app.publishing.root import root_keys
from packages_app.signing.unproven import claims_of, keys_in

_SIGNED = ("InRelease", "Release.gpg")
_OF_A_SUITE = re.compile(r"dists/([^/]+)/")
_ON_PAGE = re.compile(rb"Signing key: <code>([0-9A-F ]{49})</code>")


@dataclass(frozen=True)
class EarlierPublication:
    """What shows that something was published: a sentence's part, and the key's fingerprint, "" where nothing tells."""

    shown_by: str
    fingerprint: str


def earlier_publication(
    table: PackageTable, bucket: ObjectStore, repository: Repository, bootstraps: Collection[Definition]
) -> EarlierPublication | None:
    """Return what shows that something was ever published, None where nothing does.

    A table or a bucket that is not there yet shows nothing. Raise the other errors of table and store.
    """
    in_table, in_bucket = _of_table(table), _of_bucket(bucket, repository, bootstraps)
    shown = [found for found in (in_table, in_bucket) if found is not None]
    if not shown:
        return None
    return EarlierPublication(
        " and ".join(one.shown_by for one in shown), next((one.fingerprint for one in shown if one.fingerprint), "")
    )


def key_is_missed(earlier: EarlierPublication, file: str) -> SigningKeyError:
    """Return the error of a key that is not made, since clients know another one; `file` is where it was kept."""
    return SigningKeyError(
        f"The signing key {earlier.fingerprint or 'that clients know'} is missed: something was published"
        f" ({earlier.shown_by}), and there is no {file}.",
        remedy=f"Put {file} back from a backup of REPOMGR_HOME, or give SIGNING_KEY that key. If it is lost, make"
        " one with gpg, give it to SIGNING_KEY, tell every client, and show it to them: force_rebuild --new-key.",
    )


def _of_table(table: PackageTable) -> EarlierPublication | None:
    try:
        given_by_suite = table.suites_given()
        record = next(iter(table.all_records()), None)
    except TableMissing:
        return None
    if given_by_suite:
        notes = [given for given in given_by_suite.values() if given is not None]
        newest = max(notes, key=lambda note: note.date).fingerprint if notes else ""
        return EarlierPublication(f"the table names suite {', '.join(sorted(given_by_suite))}", newest)
    return EarlierPublication(f"the table has {record.named}", "") if record is not None else None


def _of_bucket(
    bucket: ObjectStore, repository: Repository, bootstraps: Collection[Definition]
) -> EarlierPublication | None:
    copies = [one.bootstrap.copy for one in bootstraps if one.bootstrap is not None]
    try:
        indexes = [key for key, _ in bucket.keys("dists/")]
        pool = [key for key, _ in bucket.keys("pool/")]
        in_root = [key for key in (repository.keyring_key, *copies) if bucket.head(key) is not None]
        page = _ON_PAGE.search(_read(bucket, INDEX_PAGE))
    except StoreMissing:
        return None
    there = [*indexes, *in_root, *([INDEX_PAGE] if page else []), *pool]
    if not there:
        return None
    packages = [*(key for key in in_root if key in copies), *_newest_of(pool, bootstraps)]
    fingerprints = (
        *_signers(bucket, indexes, known := root_keys(bucket, repository)),
        ", ".join(sorted(set(known.values()))),
        *_keys_of_packages(bucket, packages),
        page[1].decode().replace(" ", "") if page else "",
    )
    return EarlierPublication(f"the bucket has {there[0]}", next(filter(None, fingerprints), ""))


def _signers(bucket: ObjectStore, indexes: Iterable[str], known: dict[str, str]) -> Iterator[str]:
    for suite in sorted({found[1] for key in indexes if (found := _OF_A_SUITE.match(key))}):
        for name in _SIGNED:
            for claim in claims_of(_read(bucket, suite_path(suite, name))):
                yield known.get(claim.key, claim.key)


def _newest_of(pool: Iterable[str], bootstraps: Iterable[Definition]) -> list[str]:
    """Return a pool file of each bootstrap package: which one does not matter much, it tells people of a key."""
    files = sorted(pool)
    found = ([key for key in files if key.rpartition("/")[2].startswith(f"{one.name}_")] for one in bootstraps)
    return [keys[-1] for keys in found if keys]


def _keys_of_packages(bucket: ObjectStore, packages: Iterable[str]) -> Iterator[str]:
    for path in packages:
        try:
            with bucket.as_local_file(path) as file:
                keyrings = keyrings_in(file)
        except (ObjectNotFound, InvalidDeb):
            continue
        yield ", ".join(sorted({key for body in keyrings.values() for key in keys_in(body).values()}))


def _read(bucket: ObjectStore, key: str) -> bytes:
    try:
        return bucket.read(key)
    except ObjectNotFound:
        return b""
