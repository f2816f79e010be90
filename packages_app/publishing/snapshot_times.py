"""Any time as a snapshot's ID, as apt 2.7 and newer asks: the newest publication or snapshot that is not later.

Of each publication a copy of its InRelease is kept, signed without Valid-Until, under its Date among the snapshots; the
indexes that it names are those that the sweep keeps by hash. Snapshots have all that they name in their own folder.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from packages_app.core.errors import ObjectNotFound
from packages_app.core.layout import suite_path
from packages_app.core.ports import ObjectStore, Signer
from packages_app.core.snapshot import MARK, snapshot_folder, time_id, time_of
from packages_app.indexes.snapshot_release import ID, OF, snapshot_release
from packages_app.publishing.snapshots import IN_RELEASE, Source, names_of_snapshots, objects_of_snapshots

# What stands for @SNAPSHOTID@ in the address, then what apt asks for below it (apt's debmetaindex.cc).
_ADDRESS = re.compile(rf"{MARK}/([^/]+)/(?:(pool/.+)|dists/([^/]+)/(.+))\Z", re.DOTALL)
_HELD = re.compile(rf"^{OF}: ([^-\n]+)-", re.MULTILINE)


def keep_copy(bucket: ObjectStore, signer: Signer, suite: str, text: bytes) -> bool:
    """Keep a copy of a publication's InRelease among the snapshots, unless it is there; return whether it was written.

    `text` is its Release. The copy has its Date.
    """
    source = Source(suite, text)
    name = time_id(source.release.date)
    key = suite_path(snapshot_folder(suite, name), IN_RELEASE)
    if bucket.head(key) is not None:
        return False
    copy = snapshot_release(text, suite, {ID: name, OF: source.named})
    bucket.put(key, signer.sign_clear(copy))
    return True


def copies_of_publications(bucket: ObjectStore, suite: str) -> dict[datetime, str]:
    """Return the key of each copy of a publication's InRelease, by its Date (UTC)."""
    return {
        moment: key
        for name, objects in objects_of_snapshots(bucket, suite).items()
        if (moment := time_of(name)) is not None
        for key in objects
    }


def served_key(bucket: ObjectStore, key: str) -> str:
    """Return the key of the object that answers an address which apt made of `snapshots_address`; of others, the same.

    An ID that is a snapshot's name leads to that, a time to the newest state that is not later. Raise the errors of the
    store.
    """
    found = _ADDRESS.match(key)
    if found is None:
        return key
    asked, pool_file, suite, name = found.groups()
    if pool_file:
        return str(pool_file)
    moment = time_of(asked)
    chosen = asked if moment is None else _newest_until(bucket, suite, moment)
    if time_of(chosen) is None or name == IN_RELEASE:
        return suite_path(snapshot_folder(suite, chosen), name)
    # A copy of InRelease goes by the suite's own indexes by hash; their other names have other bytes by now.
    return suite_path(suite, name) if "/by-hash/" in name else key


def _newest_until(bucket: ObjectStore, suite: str, moment: datetime) -> str:
    """Return the ID of the newest state not later than a moment; that of the moment itself where there is none."""
    states = [
        *_states_of_snapshots(bucket, suite),
        *((date, time_id(date)) for date in copies_of_publications(bucket, suite)),
    ]
    not_later = (state for state in states if state[0] <= moment)
    # Of the same state the copy, as a function before a bucket takes it, which can't look.
    return max(
        not_later, key=lambda state: (state[0], time_of(state[1]) is not None), default=(moment, time_id(moment))
    )[1]


def _states_of_snapshots(bucket: ObjectStore, suite: str) -> Iterator[tuple[datetime, str]]:
    for name in names_of_snapshots(bucket, suite):
        try:
            signed = bucket.read(suite_path(snapshot_folder(suite, name), IN_RELEASE))
        except ObjectNotFound:  # it was deleted this moment
            continue
        held = _HELD.search(signed.decode("utf-8", "replace"))
        date = time_of(held[1]) if held is not None else None
        if date is not None:
            yield date, name
