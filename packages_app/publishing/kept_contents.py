"""What each publication held, kept in staging, so that it can be looked at again and rolled back to.

A publication keeps one object, named as its generation is: where it rendered all records the full list, else what it
added and removed against the Release that it replaced. So a publication's contents are the nearest full list on its way
back, with the differences applied. An object tells what its Release shows, which is the same whether that ever came
into place or not. Nothing of it needs Django's database.

Where the way back ends without a full list, since an earlier release of ours published what stands there, that is read
out of its indexes, which the sweep leaves alone until the publications after it stand on a full list of their own
(`keep_full`).
"""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Self

from packages_app.core.at_once import at_once
from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.history_errors import ContentsGone
from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey, key_named, named_key
from packages_app.indexes.compression import UNREADABLE, gzip_member
from packages_app.publishing.candidate import Candidate
from packages_app.publishing.generations import (
    Generation,
    generation_name,
    generations,
    read_generation,
    release_digest,
)
from packages_app.publishing.published import Published, published_packages

LONGEST_WAY = 50
"""With more differences than this on a way back, or heavier ones than its full list, a new full list is kept."""

_FULL, _CHANGES = ".full.gz", ".changes.gz"
_ADDED, _REMOVED = "+", "-"
_AS_BEFORE = "="
"""Stands in the first line, which says how many packages there are, where they are those of before."""


@dataclass(frozen=True)
class KeptContents:
    """An object that tells what a Release shows: all of it, or what is other than in the one that it `replaces`.

    `sha256` and `replaces` are the beginnings of their SHA256, as generations are named; `size` is in bytes.
    """

    key: str
    size: int
    date: datetime
    sha256: str
    replaces: str
    full: bool

    @classmethod
    def at(cls, key: str, size: int) -> Self | None:
        """Return what stands at a key; None for another object."""
        ending = next((one for one in (_FULL, _CHANGES) if key.endswith(one)), None)
        named = Generation.at(key.removesuffix(ending), size) if ending else None
        if named is None:
            return None
        return cls(key, size, named.date, named.sha256, named.replaces, full=ending == _FULL)


@dataclass(frozen=True)
class WayBack:
    """From a publication back to a full list: the differences on the way, newest first, and the list.

    Without a list the way ends at the Release `ends_at`, of which nothing is kept here.
    """

    changes: tuple[KeptContents, ...]
    full: KeptContents | None
    ends_at: str

    @property
    def is_long(self) -> bool:
        """Say whether a full list of its own would be cheaper to read, or is missed."""
        if self.full is None or len(self.changes) > LONGEST_WAY:
            return True
        return sum(each.size for each in self.changes) > self.full.size


def keep_contents(staging: ObjectStore, candidate: Candidate, published: Published, date: datetime) -> None:
    """Keep what a candidate, dated `date`, shows: one small object for a draft of changes."""
    draft = candidate.draft
    name = f"{_folder(candidate.suite.name)}{generation_name(candidate.release, date, published)}"
    if draft.whole:
        staging.put(f"{name}{_FULL}", _packed(draft.packages, map(named_key, draft.included)))
    else:
        staging.put(f"{name}{_CHANGES}", _packed(draft.packages, _lines_of(draft.added, draft.removed)))


def keep_same_contents(
    staging: ObjectStore, suite: str, release_text: bytes, date: datetime, published: Published
) -> None:
    """Keep that a Release shows the same packages as the one in place, which it replaces."""
    name = f"{_folder(suite)}{generation_name(release_text, date, published)}"
    staging.put(f"{name}{_CHANGES}", _packed(_AS_BEFORE, ()))


def kept_contents(staging: ObjectStore, suite: str) -> list[KeptContents]:
    """Return all that is kept of a suite's publications, oldest first."""
    found = (KeptContents.at(key, size) for key, size in staging.keys(_folder(suite)))
    return sorted((one for one in found if one is not None), key=lambda one: (one.date, one.sha256, one.full))


def way_back(kept: Iterable[KeptContents], digest: str) -> WayBack:
    """Return the way from the publication with this digest to the nearest full list among what is kept."""
    by_digest = _by_digest(kept)
    changes: list[KeptContents] = []
    step = by_digest.pop(digest, None)
    while step is not None and not step.full:
        changes.append(step)
        step = by_digest.pop(step.replaces, None)
    return WayBack(tuple(changes), step, changes[-1].replaces if changes else digest)


def publications_in_place(kept: Iterable[KeptContents | Generation], digest: str) -> list[str]:
    """Return the digests of the publications that were in place one after the other up to this one, newest first.

    It ends at the last that is kept. A candidate that never came into place is not among them.
    """
    replaced = {one.sha256: one.replaces for one in kept}
    found: list[str] = []
    step = digest
    while step in replaced:
        found.append(step)
        step = replaced.pop(step)
    return found


def contents_of(
    bucket: ObjectStore,
    staging: ObjectStore,
    suite: str,
    digest: str,
    kept: Sequence[KeptContents] | None = None,
) -> frozenset[TableKey]:
    """Return the keys of the packages that a publication of a suite showed.

    `digest` is the beginning of its Release's SHA256, as generations are named (`release_digest`); `kept` what
    `kept_contents` gave, for who asks about several. It costs a listing, and as many small reads, side by side, as
    there were publications since the last full list (see `LONGEST_WAY`). Raise `ContentsGone`.
    """
    way = way_back(kept_contents(staging, suite) if kept is None else kept, digest)
    found = _along(way, staging)
    if found is None:  # an earlier release of ours published it, or what was kept is lost
        found = _in_indexes(bucket, staging, suite, digest)
    if found is None:
        raise ContentsGone(
            f"What the publication {digest} of suite {suite} held is not known any more.",
            remedy="Name a later one; HISTORY_KEPT_DAYS says how long they are kept, and pinned ones stay.",
        )
    return frozenset(found)


def keep_full(bucket: ObjectStore, staging: ObjectStore, suite: str, published: Published) -> bool:
    """Keep the full list of what is in place, where its way back is long or has no end; return whether it was.

    What stood on the way is needed by older publications alone then. Raise `ContentsGone`.
    """
    kept = kept_contents(staging, suite)
    digest = release_digest(published.text)
    if published.release is None:
        return False
    way = way_back(kept, digest)
    if not way.is_long and _along(way, staging) is not None:
        return False
    own: list[KeptContents | Generation] = [*kept, *generations(staging, suite)]
    name = next((_name_of(one) for one in own if one.sha256 == digest), None)
    if name is None:  # published before generations were kept: what it replaced, nobody knows
        name = generation_name(published.text, published.release.date, Published("unknown", None))
    keys = sorted(contents_of(bucket, staging, suite, digest, kept))
    staging.put(f"{_folder(suite)}{name}{_FULL}", _packed(len(keys), map(named_key, keys)))
    return True


def unneeded(kept: Sequence[KeptContents], needed: Collection[str], since: datetime) -> list[KeptContents]:
    """Return what may go: all that neither publications with the `needed` digests nor those dated `since` stand on."""
    by_digest, stays = _by_digest(kept), set[str]()
    for digest in {*needed, *(each.sha256 for each in kept if each.date >= since)}:
        step = by_digest.get(digest)
        while step is not None and step.sha256 not in stays:
            stays.add(step.sha256)
            step = None if step.full else by_digest.get(step.replaces)
    return [each for each in kept if each.sha256 not in stays]


def _by_digest(kept: Iterable[KeptContents]) -> dict[str, KeptContents]:
    """Return the object of each publication, its full list where there is one."""
    return {one.sha256: one for one in sorted(kept, key=lambda each: each.full)}


def _name_of(kept: KeptContents | Generation) -> str:
    return kept.key.rpartition("/")[2].removesuffix(_CHANGES).removesuffix(_FULL)


def _along(way: WayBack, staging: ObjectStore) -> set[TableKey] | None:
    """Return what a full list with the differences on the way applied holds; None where one is missing or damaged."""
    if way.full is None:
        return None
    reads = [partial(staging.read, each.key) for each in (way.full, *reversed(way.changes))]
    try:
        full, *changes = at_once(reads, staging.at_once)
        keys = _all_in(full)
        for body in changes:
            _change(keys, body)
    except (ObjectNotFound, ValueError, *UNREADABLE):
        return None
    return keys


def _in_indexes(bucket: ObjectStore, staging: ObjectStore, suite: str, digest: str) -> set[TableKey] | None:
    """Return the packages in the indexes of a kept Release; None where they can't be read any more."""
    own = next((one for one in generations(staging, suite) if one.sha256 == digest), None)
    if own is None:
        return None
    try:
        found = published_packages(bucket, suite, read_generation(staging, own))
    except (ObjectNotFound, CandidateRefused):
        return None
    return set(found.paths) if found.complete else None


def _packed(packages: int | str, lines: Iterable[str]) -> bytes:
    text = "".join(f"{line}\n" for line in (str(packages), *lines))
    return gzip_member(text.encode())


def _lines_of(added: Iterable[TableKey], removed: Iterable[TableKey]) -> Iterable[str]:
    yield from (f"{_ADDED}{named_key(key)}" for key in added)
    yield from (f"{_REMOVED}{named_key(key)}" for key in removed)


def _all_in(body: bytes) -> set[TableKey]:
    packages, *lines = gzip.decompress(body).decode().splitlines()
    return _counted({key_named(line) for line in lines}, packages)


def _change(keys: set[TableKey], body: bytes) -> None:
    packages, *lines = gzip.decompress(body).decode().splitlines()
    keys.difference_update(key_named(line[1:]) for line in lines if line[:1] == _REMOVED)
    keys.update(key_named(line[1:]) for line in lines if line[:1] == _ADDED)
    _counted(keys, packages)


def _counted(keys: set[TableKey], packages: str) -> set[TableKey]:
    """Return the keys; raise `ValueError` where they are not as many as were published."""
    if packages != _AS_BEFORE and len(keys) != int(packages):
        raise ValueError(f"{len(keys)} packages are listed of {packages}")
    return keys


def _folder(suite: str) -> str:
    return f"contents/{suite}/"
