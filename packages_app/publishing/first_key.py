"""Whether a signing key may be made: only where table and bucket both show that nothing was ever published.

Where something was, clients know a key; another one, made silently, would lock out every one of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from packages_app.core.errors import ObjectNotFound, StoreMissing, TableMissing
from packages_app.core.layout import suite_path
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.core.repository import Repository
from packages_app.publishing.root import root_keys
from packages_app.signing.unproven import claims_of

_SIGNED = ("InRelease", "Release.gpg")
_OF_A_SUITE = re.compile(r"dists/([^/]+)/(?:InRelease|Release|Release\.gpg)\Z")


def key_that_published(table: PackageTable, bucket: ObjectStore, repository: Repository) -> str | None:
    """Return the fingerprint of the key that clients know; None when nothing was ever published.

    It is "" where something was published, and nothing tells by which key. A table or a bucket that is not there yet
    shows that nothing was. Raise the other errors of table and store.
    """
    in_bucket, by_bucket = _of_bucket(bucket, repository)
    in_table, by_table = _of_table(table, {*in_bucket, *(suite.name for suite in repository.suites)})
    if by_table or by_bucket:
        return by_table or by_bucket
    return "" if in_table or in_bucket else None


def _of_table(table: PackageTable, suites: Iterable[str]) -> tuple[bool, str]:
    """Return whether the table knows of a publication of one of the suites, and of whose key."""
    named = sorted(suites)
    try:
        given = [note for suite in named if (note := table.last_given(suite)) is not None]
        if given:
            return True, max(given, key=lambda note: note.date).fingerprint
        return any(table.releases_of(suite) for suite in named), ""
    except TableMissing:
        return False, ""


def _of_bucket(bucket: ObjectStore, repository: Repository) -> tuple[set[str], str]:
    """Return the suites that have a Release in the bucket, and the key that they or the root name, "" for none."""
    try:
        suites = {found[1] for key, _ in bucket.keys("dists/") if (found := _OF_A_SUITE.match(key))}
        known = root_keys(bucket, repository)
    except StoreMissing:
        return set(), ""
    for suite in sorted(suites):
        for name in _SIGNED:
            try:
                claims = claims_of(bucket.read(suite_path(suite, name)))
            except ObjectNotFound:
                continue
            for claim in claims:
                if claim.key:
                    return suites, known.get(claim.key, claim.key)
    return suites, ", ".join(sorted(set(known.values())))
