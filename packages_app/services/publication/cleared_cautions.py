"""Cautions that persons have cleared: kept when the candidate that they held back is published, and looked up later."""

from __future__ import annotations

from functools import cached_property

from packages_app.core.batches import batches_of
from packages_app.core.caution import MEANINGS, cleared_by
from packages_app.core.storable_text import storable
from packages_app.models import ClearedCaution, HeldCandidate
from packages_app.models.cleared_caution import digest_of_cleared
from packages_app.services.publication.held_lists import whole_of

_AT_ONCE = 1000


class ClearedInSuite:
    """What is cleared in one suite, `core.caution.Cleared`: read once, when somebody first asks."""

    def __init__(self, suite: str) -> None:
        self._suite = suite

    def __contains__(self, cleared: object) -> bool:
        """Return whether a person has approved this, as `cleared_by` gives it."""
        package, said = cleared if isinstance(cleared, tuple) else ("", "")
        return digest_of_cleared(package, said) in self._digests

    @cached_property
    def _digests(self) -> frozenset[str]:
        return frozenset(ClearedCaution.objects.filter(suite=self._suite).order_by().values_list("digest", flat=True))


def clear_cautions(held: HeldCandidate) -> None:
    """Keep what a published candidate's approval has cleared, for good; what is kept already stays as it is."""
    cautions = [finding for finding in whole_of(held)["findings"] if finding["code"] in MEANINGS]
    cleared = sorted({cleared_by(item) for finding in cautions for item in finding["items"]})
    for some in batches_of(cleared, _AT_ONCE):
        ClearedCaution.objects.bulk_create(
            [
                ClearedCaution(
                    suite=held.suite, digest=digest_of_cleared(*each), package=storable(each[0]), said=storable(each[1])
                )
                for each in some
            ],
            ignore_conflicts=True,
        )
