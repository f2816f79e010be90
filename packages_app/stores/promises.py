"""What we rely on of a store, tried with objects of the trial's own: a server that ignores a condition is not used.

A condition is tried by a write that must be refused and by one that must not: a server that knows no conditions does
each, and one that knows them badly may do neither. Sources: S3 user guide, "Conditional writes"; S3 API, PutObject,
CompleteMultipartUpload, GetObject, CopyObject.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import uuid4

from packages_app.core.errors import ObjectChanged, ObjectExists, StoreUnfit
from packages_app.core.ports import ObjectStore

PROBES = "probe-"
"""How the keys of a trial's objects begin, which `deploy/iam-policy-worker.json` lets us remove."""

_LEFTOVER = re.compile(PROBES + r"[0-9a-f]{32}(?:-large|-absent|-copy)?\Z")
_DIED = timedelta(hours=1)
"""No trial takes as long: what is older by the store's own clock was left by one that was killed."""
_METADATA = {"probe": "copied"}


def check_promises(
    store: ObjectStore,
    name: str,
    *,
    in_parts: ObjectStore | None = None,
    read_if: Callable[[str, str], object] | None = None,
) -> None:
    """Try what we rely on; raise `StoreUnfit`, which names all that the store called `name` does not keep.

    `in_parts` is the same store when it writes each file in parts; `read_if` reads a key if its ETag is the given one,
    and raises `ObjectChanged` otherwise. Where there are none, neither is tried. The objects of the trial are removed,
    after an error too; that we may not remove them is found before anything is written. So are those of trials that
    were killed, where all is kept. Raise the store's errors.
    """
    key = f"{PROBES}{uuid4().hex}"
    large, absent, copied = (f"{key}-{more}" for more in ("large", "absent", "copy"))
    store.delete(key)
    with ExitStack() as afterwards:
        for each in (key, large, absent, copied):
            afterwards.callback(store.delete, each)
        broken = [*_broken_for_new(store.put, key, "PutObject"), *_broken_for_known(store, key, absent, read_if)]
        if in_parts is not None:
            broken += _broken_for_new(partial(_put_file, in_parts), large, "CompleteMultipartUpload")
        broken += _broken_afterwards(store, key, copied)
        if not broken:
            _remove_leftovers(store, key)
    if broken:
        raise StoreUnfit(
            name,
            broken,
            remedy="Nothing may be published there: two writers would replace each other's files unnoticed. Use a "
            "server that honours conditional writes, or a newer release of this one, then run manage.py doctor.",
        )


def is_leftover(key: str) -> bool:
    """Return whether this is the key of an object of a trial."""
    return _LEFTOVER.match(key) is not None


def _remove_leftovers(store: ObjectStore, key: str) -> None:
    """Remove what trials left that were killed, as seen from one's own `key`, just written."""
    ours = store.head(key)
    for old in [found for found, _ in store.keys(PROBES) if is_leftover(found)]:
        info = store.head(old)
        if ours is not None and info is not None and ours.modified - info.modified > _DIED:
            store.delete(old)


def _broken_for_new(put: Callable[..., object], key: str, call: str) -> Iterator[str]:
    """Write a key that is not there twice, on the condition that it is not."""
    if _is_refused(partial(put, key, b"first", if_none_match=True)):
        yield f"If-None-Match of {call} is refused for a new key"
    if not _is_refused(partial(put, key, b"other", if_none_match=True)):
        yield f"If-None-Match of {call} is ignored"


def _broken_for_known(
    store: ObjectStore, key: str, absent: str, read_if: Callable[[str, str], object] | None
) -> Iterator[str]:
    """Replace a key on the condition of its ETag, then on that of its ETag before; so for one that is not there."""
    before = store.put(key, b"before").etag
    if store.read_with_etag(key) != (b"before", before):
        yield "GetObject gives other bytes, or another ETag, than PutObject wrote"
    if _is_refused(partial(store.put, key, b"after", if_match=before)):
        yield "If-Match of PutObject is refused for the ETag in place"
    elif store.read(key) != b"after":
        yield "GetObject gives other bytes than PutObject wrote"
    elif (after := store.head(key)) is None or after.etag == before:
        yield "HeadObject lacks what PutObject wrote, or gives the ETag before it"
    if not _is_refused(partial(store.put, key, b"late", if_match=before)):
        yield "If-Match of PutObject is ignored"
    if not _is_refused(partial(store.put, absent, b"late", if_match=before)):
        yield "If-Match of PutObject is ignored for a key that is not there"
    if read_if is not None and not _is_refused(partial(read_if, key, before)):
        yield "If-Match of GetObject is ignored"


def _broken_afterwards(store: ObjectStore, key: str, copied: str) -> Iterator[str]:
    """Copy, list and remove what is there."""
    if store.copy(key, copied, metadata=_METADATA).metadata != _METADATA:
        yield "MetadataDirective of CopyObject is ignored"
    if not {key, copied} <= {found for found, _ in store.keys(key)}:
        yield "ListObjectsV2 lacks what was just written"
    store.delete(copied)
    if store.head(copied) is not None:
        yield "DeleteObject leaves what it removed"


def _is_refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except (ObjectExists, ObjectChanged):
        return True
    return False


def _put_file(store: ObjectStore, key: str, body: bytes, *, if_none_match: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="repomgr-probe-") as folder:
        path = Path(folder) / "probe"
        path.write_bytes(body)
        store.put(key, path, if_none_match=if_none_match)
