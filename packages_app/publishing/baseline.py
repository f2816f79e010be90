"""What a publication of changes builds upon: a Release of which the table itself says that it shows all of it.

The table names the Releases that show all of its records but for those with pending changes, so that one of
another table, of a restored one or of another tool is never built upon. Both the Release in place and the one that is
about to replace it are named before the switch: whichever is in place then, it is a baseline.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from packages_app.core.at_once import both_at_once
from packages_app.core.ports import ObjectStore, PackageTable, PendingChange
from packages_app.core.repository import Suite
from packages_app.publishing.change_draft import MOST_CHANGES, Baseline
from packages_app.publishing.generations import release_digest
from packages_app.publishing.published import Published
from packages_app.publishing.shard_list import ShardList, keep_shard_list, read_shard_list, shape_of


def find_baseline(
    table: PackageTable, staging: ObjectStore, suite: Suite, published: Published, changes: Sequence[PendingChange]
) -> Baseline | None:
    """Return the published Release as a baseline, with the pending changes and their records as they are now, or None.

    The records are read consistently, and after the changes were.
    """
    if published.release is None or len(changes) > MOST_CHANGES:
        return None
    digest, keys = release_digest(published.text), {change.key for change in changes}
    releases, shard_list = partial(table.releases_of, suite.name), partial(read_shard_list, staging, suite.name, digest)
    (bases, shards), records = both_at_once(
        partial(both_at_once, releases, shard_list, staging.at_once),
        lambda: table.get_many(keys) if keys else {},
        staging.at_once,
    )
    if digest not in bases or shards is None or shards.shape != shape_of(suite):
        return None
    return Baseline(published.release, shards, tuple(changes), records)


def keep_baseline(
    table: PackageTable,
    staging: ObjectStore,
    suite: str,
    published: Published,
    release: bytes,
    shards: ShardList,
    *,
    built_upon: bool,
) -> None:
    """Keep a Release that is in place or about to be as a baseline, and the published one if it was one.

    It was when it is `built_upon`, the baseline of this very draft; else the table is asked.
    """
    digest, before = release_digest(release), release_digest(published.text)
    keep_shards = partial(keep_shard_list, staging, suite, digest, shards)
    if built_upon:
        keep_releases = partial(table.keep_releases, suite, sorted({before, digest}))
        both_at_once(keep_shards, keep_releases, staging.at_once)
        return
    _, bases = both_at_once(keep_shards, partial(table.releases_of, suite), staging.at_once)
    table.keep_releases(suite, sorted({digest, *(one for one in bases if one == before)}))
