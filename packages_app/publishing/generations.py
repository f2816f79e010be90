"""Generations: the text of every Release that was ever to be put in place, kept in the private staging store.

A publisher keeps its candidate's Release before anything is uploaded under a canonical name, so what clients may hold
is known without Django's database. Each names the Release that it would replace. Since InRelease is replaced only where
it still is that one, the generations that were really in place are found by going back from the one in place now; a
candidate that was kept and never came into place is on nobody's way back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from packages_app.core.checksums import checksums_of_bytes
from packages_app.core.ports import ObjectInfo, ObjectStore
from packages_app.indexes.release import Release, parse_release
from packages_app.publishing.published import Published

FIRST = "first"
"""What a generation replaces when nothing was in place before it."""
UNKNOWN = "unknown"
"""What a generation replaces when an InRelease was in place that could not be read."""

_DATE = "%Y%m%dT%H%M%SZ"
_DIGITS = 16
_NAME = re.compile(r"(\d{8}T\d{6}Z)-([0-9a-f]{16})-after-([0-9a-f]{16}|first|unknown)\Z", re.ASCII)


@dataclass(frozen=True)
class Generation:
    """A kept Release. `sha256` is the beginning of its SHA256, `replaces` that of the one before it.

    `date` is the Release's own (UTC, whole seconds), `size` is in bytes; `replaces` may also be `FIRST` or `UNKNOWN`.
    """

    key: str
    size: int
    date: datetime
    sha256: str
    replaces: str

    @classmethod
    def at(cls, key: str, size: int) -> Self | None:
        """Return the generation that stands at a key; None for another object's."""
        found = _NAME.match(key.rpartition("/")[2])
        if found is None:
            return None
        try:
            date = datetime.strptime(found[1], _DATE).replace(tzinfo=UTC)
        except ValueError:
            return None
        return cls(key, size, date, found[2], found[3])


def keep_generation(
    staging: ObjectStore, suite: str, release_text: bytes, date: datetime, published: Published
) -> ObjectInfo:
    """Keep a candidate's Release, dated `date`, that is to replace `published`; return the object as it was written.

    To be called before the candidate's first object under a canonical name is uploaded. Its `modified` is what the
    store's own clock said at this write: its name says its content, so writing it again is the same.
    """
    return staging.put(f"{_folder(suite)}{generation_name(release_text, date, published)}", release_text)


def generation_name(release_text: bytes, date: datetime, published: Published) -> str:
    """Return what a Release that is dated `date` and replaces `published` is called in staging."""
    replaces = UNKNOWN
    if published.nothing_is_there:
        replaces = FIRST
    elif published.seen_text:
        replaces = release_digest(published.seen_text)
    return f"{date.astimezone(UTC).strftime(_DATE)}-{release_digest(release_text)}-after-{replaces}"


def generations(staging: ObjectStore, suite: str) -> list[Generation]:
    """Return a suite's kept generations, oldest first."""
    found = (Generation.at(key, size) for key, size in staging.keys(_folder(suite)))
    return sorted((one for one in found if one is not None), key=lambda one: (one.date, one.sha256))


def read_generation(staging: ObjectStore, generation: Generation) -> Release:
    """Read a kept Release; raise `ObjectNotFound`, and `CandidateRefused` for one that is damaged."""
    return parse_release(staging.read(generation.key))


def release_digest(release_text: bytes) -> str:
    """Return the part of a Release's SHA256 that names its generation."""
    return digest_of(checksums_of_bytes(release_text).sha256)


def digest_of(sha256: str) -> str:
    """Return the part of a Release's whole SHA256 that names its generation."""
    return sha256[:_DIGITS]


def _folder(suite: str) -> str:
    return f"releases/{suite}/"
