"""What a publication brought that was not recorded: who published it died, or its database was away, after the switch.

Each kept Release names the one that it replaced (`generations.py`), so the way back from the one in place leads to the
last that is recorded, and the difference of the two is what came and went since.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from packages_app.core.errors import CandidateRefused, ObjectNotFound
from packages_app.core.ports import ObjectStore
from packages_app.core.record import TableKey
from packages_app.indexes.release import parse_release
from packages_app.publishing.generations import FIRST, Generation, generations, read_generation, release_digest
from packages_app.publishing.published import PublishedPackages, published_packages


@dataclass(frozen=True)
class Brought:
    """What clients see with a Release, by its text, that they did not see with the last one that is recorded.

    `added` and `removed` are sorted; they are empty where an index of either can't be read. `packages` is how many
    there are.
    """

    text: bytes
    added: tuple[TableKey, ...]
    removed: tuple[TableKey, ...]
    packages: int


def brought_by(
    bucket: ObjectStore, staging: ObjectStore, suite: str, text: bytes, is_recorded: Callable[[str], bool]
) -> Brought | None:
    """Return what a suite's Release in place has brought since the last recorded one; None where none is known.

    `is_recorded` tells it of the beginning of a Release's SHA256, as generations name it. Of a suite's first Release
    all is new.
    """
    kept = {one.sha256: one for one in generations(staging, suite)}
    own = kept.get(release_digest(text))
    if own is None:
        return None
    try:
        before = _packages_before(own, kept, bucket, staging, suite, is_recorded)
        now = published_packages(bucket, suite, parse_release(text))
    except (ObjectNotFound, CandidateRefused):
        return None
    if before is None:
        return None
    if not (before.complete and now.complete):
        return Brought(text, (), (), len(now.paths))
    added, removed = now.paths.keys() - before.paths.keys(), before.paths.keys() - now.paths.keys()
    return Brought(text, tuple(sorted(added)), tuple(sorted(removed)), len(now.paths))


def _packages_before(
    own: Generation,
    kept: dict[str, Generation],
    bucket: ObjectStore,
    staging: ObjectStore,
    suite: str,
    is_recorded: Callable[[str], bool],
) -> PublishedPackages | None:
    if own.replaces == FIRST:
        return PublishedPackages()
    before = kept.get(own.replaces)
    looked_at = {own.sha256}
    while before is not None and not is_recorded(before.sha256):
        looked_at.add(before.sha256)
        before = kept.get(before.replaces) if before.replaces not in looked_at else None
    return published_packages(bucket, suite, read_generation(staging, before)) if before is not None else None
