"""A draft with its Release, signed: what clients would see if it were switched to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from packages_app.core.ports import Signer
from packages_app.core.repository import Repository, Suite
from packages_app.indexes.release import Release, parse_release, render_release
from packages_app.publishing.draft import Draft


@dataclass(frozen=True)
class Candidate:
    """A publication on this machine, not yet uploaded; the files that it changes lie below `folder` by their names."""

    suite: Suite
    folder: Path
    draft: Draft
    release: bytes
    release_gpg: bytes
    in_release: bytes

    @cached_property
    def listing(self) -> Release:
        """The Release, read back from its text; raise `CandidateRefused`."""
        return parse_release(self.release)


def make_candidate(
    repository: Repository, suite: Suite, folder: Path, draft: Draft, signer: Signer, date: datetime
) -> Candidate:
    """Make Release, which depends on the indexes and the date alone, and sign it."""
    release = render_release(repository, suite, draft.entries, date)
    return Candidate(suite, folder, draft, release, signer.sign_detached(release), signer.sign_clear(release))
