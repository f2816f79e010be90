"""What a force rebuild would change and what it would not, for who is to consent to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from packages_app.core.record import named_key
from packages_app.models import HeldCandidate, Publication
from packages_app.services import adapters
from packages_app.services.publication.requests import known_suites

_NAMED = 20


@dataclass(frozen=True)
class SuitePreview:
    """What is known of a suite before its rebuild.

    `last` is what clients see now. `pending` names the first records that were written since, as `name version
    architecture`, `pending_count` counts all. `held` is the candidate that waits for a person.
    """

    suite: str
    last: Publication | None
    pending: tuple[str, ...]
    pending_count: int
    held: HeldCandidate | None

    @property
    def more(self) -> int:
        """Return how many pending records are not named."""
        return self.pending_count - len(self.pending)


def preview_rebuild(suites: Iterable[str]) -> list[SuitePreview]:
    """Return what a rebuild of suites, all when none is named, would find; raise `PackageRefused`, and the table's.

    It costs a query a suite: records are not read, so what lacks a record or a file is known only where a candidate
    was held back for it. A rebuild that meets such a thing holds it back.
    """
    return [_preview(name) for name in known_suites(suites)]


def _preview(suite: str) -> SuitePreview:
    changed = sorted({change.key for change in adapters.package_table().pending_changes_of(suite)})
    return SuitePreview(
        suite,
        last=Publication.objects.filter(suite=suite).defer(*Publication.LISTS).first(),
        pending=tuple(map(named_key, changed[:_NAMED])),
        pending_count=len(changed),
        held=HeldCandidate.objects.filter(suite=suite, state=HeldCandidate.State.WAITING).first(),
    )
