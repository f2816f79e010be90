"""A first publication of a bucket where something was published before, which neither table nor indexes tell any more.

Their clients would be shown a repository without the packages that they have, so a person looks at it first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from packages_app.core.candidate_finding import CandidateFinding
from packages_app.core.ports import ObjectStore, PackageTable
from packages_app.publishing.published import Published

CODE = "publication_lost"
_INTAKE = timedelta(minutes=15)
"""A file that is in the pool for so long is not that of an intake that still runs, whose record comes behind it."""
_LOOKED_AT = 100
_NAMED = 5


def lost_findings(
    table: PackageTable, bucket: ObjectStore, suite: str, default: str, published: Published, now: datetime
) -> list[CandidateFinding]:
    """Return a finding where nothing is known of any suite, and the pool has files that no record names.

    The pool is listed only then: at the first publications of a repository. The `default` suite is asked for before all
    others, which DynamoDB finds by a scan of the whole table.
    """
    if not published.nothing_is_there or table.last_given(default) or table.suites_given():
        return []
    pool = {key for key, _ in bucket.keys("pool/")}
    if not _any_is_old(bucket, sorted(pool)[:_LOOKED_AT], now):  # nothing was there before this start
        return []
    unknown = sorted(pool - {record.pool_path for record in table.all_records()})
    if not _any_is_old(bucket, unknown[:_LOOKED_AT], now):
        return []
    shown = ", ".join(unknown[:_NAMED]) + (", …" if len(unknown) > _NAMED else "")
    return [
        CandidateFinding(
            CODE,
            f"Nothing is in place of suite {suite}, and the package table knows of no publication, but the pool has"
            f" {len(unknown)} files that no record names: {shown}. Clients may have packages that this publication"
            " lacks.",
            "Restore the package table and dists/ from their backup, or record the files again: upload_deb."
            " If nobody has them, remove them from the bucket, or approve.",
            tuple(unknown),
        )
    ]


def _any_is_old(bucket: ObjectStore, keys: Iterable[str], now: datetime) -> bool:
    heads = (bucket.head(key) for key in keys)
    return any(head is not None and now - head.modified > _INTAKE for head in heads)
