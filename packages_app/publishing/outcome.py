"""What a publication did: what its record, its notices and the bucket's root are made of."""

from __future__ import annotations

from dataclasses import dataclass

from packages_app.core.errors import CandidateRefused
from packages_app.core.record import TableKey
from packages_app.indexes.packages import LeftOut
from packages_app.indexes.release import Release, parse_release
from packages_app.publishing.contents import Contents


@dataclass(frozen=True)
class Outcome:
    """What a publication did. When nothing had changed, `switched` is False and `release_text` is the one in place.

    `replaced` is the Release of ours that was in place before. `packages` is how many clients see now. `renewed` says
    that only the dates were, and what is pending still is; `held` says why, where the table's state was looked at.
    `uninstallable` are packages that could be installed before and can't be now, each with the reason, `mended` is
    what people were told of and that can be installed again, or is gone.
    `left_out` are the records of the suite that no index carries, `read` counts the records read, `included` are those
    of them that are shown.
    """

    suite: str
    switched: bool
    release_text: bytes
    contents: Contents
    read: int
    left_out: tuple[LeftOut, ...]
    included: tuple[TableKey, ...] = ()
    added: tuple[TableKey, ...] = ()
    removed: tuple[TableKey, ...] = ()
    missing_files: tuple[str, ...] = ()
    uploaded_bytes: int = 0
    packages: int = 0
    renewed: bool = False
    held: CandidateRefused | None = None
    replaced: bytes = b""
    uninstallable: tuple[str, ...] = ()
    mended: frozenset[str] = frozenset()

    @property
    def release(self) -> Release:
        """The Release that clients see now."""
        return parse_release(self.release_text)
