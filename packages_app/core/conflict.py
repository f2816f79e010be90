"""What makes two files of one version different ones, and the errors that say so: SHA256 and size decide."""

from __future__ import annotations

from typing import NamedTuple

from packages_app.core.errors import ImmutableObjectConflict, VersionConflict


class FileIdentity(NamedTuple):
    """What tells a file from every other: SHA256 in hex and size in bytes, "" and None where it is not said."""

    sha256: str = ""
    size: int | None = None

    def __str__(self) -> str:
        said = [f"SHA256 {self.sha256}"] if self.sha256 else []
        said += [] if self.size is None else [f"{self.size} bytes"]
        return ", ".join(said) or "nothing said of its bytes"


def conflict_between(known: FileIdentity, offered: FileIdentity) -> bool:
    """Return whether the two can't be the same file: a part that both of them say differs.

    A part that one of them does not say proves nothing, so it is no conflict.
    """
    if known.sha256 and offered.sha256 and known.sha256.lower() != offered.sha256.lower():
        return True
    return known.size is not None and offered.size is not None and known.size != offered.size


def same_file(known: FileIdentity, offered: FileIdentity) -> bool:
    """Return whether the two stand for the same file: they say the same parts, and without a conflict."""
    same_parts = bool(known.sha256) == bool(offered.sha256) and (known.size is None) == (offered.size is None)
    return same_parts and not conflict_between(known, offered)


def version_conflict(
    name: str,
    known: FileIdentity,
    offered: FileIdentity,
    *,
    where: str = "published",
    remedy: str = "Give the new build a version of its own; what clients have is never replaced.",
) -> VersionConflict:
    """Return the error of a version (`name version architecture`) that is there with other bytes than those offered.

    `where` says how the known ones are there: published, recorded.
    """
    return VersionConflict(f"{name} is offered with other bytes: {offered}; {known} is {where}.", remedy=remedy)


def pool_conflict(name: str, found: ImmutableObjectConflict) -> VersionConflict:
    """Return the error of a version (`name version architecture`) whose place in the pool has another file."""
    return VersionConflict(
        f"{name} has another file in the pool: {found.message}",
        remedy="Give the build a version of its own; what may have been served is never replaced.",
    )
